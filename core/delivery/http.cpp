// The only file that includes curl.
#include <curl/curl.h>
#include <dlfcn.h>

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <limits>

#include "delivery/transport.hpp"
#include "digits.hpp"
#include "text.hpp"

namespace crosswalk::delivery {
namespace {

constexpr std::size_t kMostHeaders = std::size_t{256} << 10;
constexpr std::size_t kMostBody = kKeptSuccess;
constexpr long kConnectMilliseconds = 15'000;

#if defined(__APPLE__)
constexpr const char* kCurlLibrary = "libcurl.4.dylib";
#else
constexpr const char* kCurlLibrary = "libcurl.so.4";  // since 2006
#endif

/// libcurl is loaded when something is delivered: it draws in thirty libraries, and binding them is half of the time that any
/// run takes to start.
struct Curl {
  decltype(&curl_global_init) global_init = nullptr;
  decltype(&curl_easy_init) init = nullptr;
  decltype(&curl_easy_cleanup) cleanup = nullptr;
  decltype(&curl_easy_setopt) setopt = nullptr;
  decltype(&curl_easy_getinfo) getinfo = nullptr;
  decltype(&curl_easy_perform) perform = nullptr;
  decltype(&curl_easy_strerror) strerror = nullptr;
  decltype(&curl_slist_append) append = nullptr;
  decltype(&curl_slist_free_all) free_all = nullptr;
  std::string fault;  ///< why it cannot be used; then nothing else is there

  Curl() {
    void* const library = ::dlopen(kCurlLibrary, RTLD_NOW | RTLD_LOCAL);  // for good
    const auto find = [&](const char* name, auto& function) {
      void* const found = library == nullptr ? nullptr : ::dlsym(library, name);
      if (found == nullptr && fault.empty()) fault = shown(library_error(), 500);
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(found);
    };
    find("curl_global_init", global_init);
    find("curl_easy_init", init);
    find("curl_easy_cleanup", cleanup);
    find("curl_easy_setopt", setopt);
    find("curl_easy_getinfo", getinfo);
    find("curl_easy_perform", perform);
    find("curl_easy_strerror", strerror);
    find("curl_slist_append", append);
    find("curl_slist_free_all", free_all);
    if (fault.empty() && global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) fault = "it does not start";
  }

 private:
  static std::string_view library_error() {
    const char* const error = ::dlerror();
    return error == nullptr ? "it is not what it is called" : error;
  }
};

/// Loaded by the first call; any thread.
const Curl& curl() {
  static const Curl loaded;
  return loaded;
}

struct FreeEasy {
  void operator()(CURL* easy) const { curl().cleanup(easy); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl().free_all(list); }
};

bool starts_with_name(std::string_view line, std::string_view name) {
  return line.size() > name.size() && line[name.size()] == ':' && lower(line.substr(0, name.size())) == name;
}

/// How bodies go, the same for all connections of a run. A server that asks for gzip and then cannot read it is believed no more.
enum class Coding : std::uint8_t { plain, gzip_offered, gzip_taken, plain_for_good };

bool is_gzip(Coding coding) { return coding == Coding::gzip_offered || coding == Coding::gzip_taken; }

/// libcurl takes "HTTP/x 500" for a 200.
bool is_status_line(std::string_view line) {
  const auto digit = [&](std::size_t at) { return at < line.size() && is_digit(line[at]); };
  const std::size_t space = line.find(' ');
  const bool version = (space == 6 && digit(5)) || (space == 8 && digit(5) && line[6] == '.' && digit(7));
  return version && digit(space + 1) && digit(space + 2) && digit(space + 3) &&
         (line.size() == space + 4 || line[space + 4] == ' ');
}

class CurlTransport final : public Transport {
 public:
  CurlTransport(const HttpTarget& target, std::shared_ptr<std::atomic<Coding>> coding, const std::atomic<bool>& stop)
      : target_(target), coding_(std::move(coding)), stop_(stop) {}
  ~CurlTransport() override {
    if (deflate_ready_) deflateEnd(&deflate_);
  }
  CurlTransport(const CurlTransport&) = delete;
  CurlTransport& operator=(const CurlTransport&) = delete;

  Result<void> open() {
    if (!curl().fault.empty()) {
      return Error{Errc::io, fmt::format("libcurl, which delivers, cannot be used: {}", curl().fault),
                   "install libcurl 7.85 or newer (Debian, Ubuntu: libcurl4)"};
    }
    easy_.reset(curl().init());
    if (!easy_) return Error{Errc::io, "libcurl cannot be used", ""};
    for (List* list : {&headers_, &gzip_headers_}) {
      for (const auto& [name, value] : target_.headers) add(*list, fmt::format("{}: {}", name, value));
      add(*list, "Content-Type: application/json");
      add(*list, "Accept: application/json");
      add(*list, "Expect:");  // a server that never says "100 Continue" would cost a second each
    }
    add(gzip_headers_, "Content-Encoding: gzip");
    CURL* const e = easy_.get();
    set(e, CURLOPT_URL, target_.url.c_str());
    set(e, CURLOPT_PROTOCOLS_STR, "http,https");
    set(e, CURLOPT_FOLLOWLOCATION, 0L);
    set(e, CURLOPT_NOSIGNAL, 1L);
    set(e, CURLOPT_USERAGENT, "crosswalk");
    set(e, CURLOPT_ERRORBUFFER, error_);
    set(e, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(e, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
    if (target_.direct) set(e, CURLOPT_NOPROXY, "*");
    if (!target_.ca_file.empty()) set(e, CURLOPT_CAINFO, target_.ca_file.c_str());
    if (!target_.user.empty()) {
      set(e, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
      set(e, CURLOPT_USERNAME, target_.user.c_str());
      set(e, CURLOPT_PASSWORD, "");
    }
    const long timeout = static_cast<long>(target_.timeout.count());
    set(e, CURLOPT_CONNECTTIMEOUT_MS, std::min(kConnectMilliseconds, timeout));
    set(e, CURLOPT_TIMEOUT_MS, timeout);
    set(e, CURLOPT_READFUNCTION, &CurlTransport::give);
    set(e, CURLOPT_READDATA, this);
    set(e, CURLOPT_SEEKFUNCTION, &CurlTransport::go_back);
    set(e, CURLOPT_SEEKDATA, this);
    set(e, CURLOPT_WRITEFUNCTION, &CurlTransport::take);
    set(e, CURLOPT_WRITEDATA, this);
    set(e, CURLOPT_HEADERFUNCTION, &CurlTransport::header);
    set(e, CURLOPT_HEADERDATA, this);
    set(e, CURLOPT_NOPROGRESS, 0L);
    set(e, CURLOPT_XFERINFOFUNCTION, &CurlTransport::shall_stop);
    set(e, CURLOPT_XFERINFODATA, this);
    set(e, CURLOPT_POST, 1L);
    return ok_ ? Result<void>() : Error{Errc::io, "libcurl cannot be used: it lacks an option", "install libcurl 7.85 or newer"};
  }

  Answer send(const std::string& method, const std::string& body) override {
    answer_ = {};
    given_ = 0;
    header_bytes_ = body_bytes_ = 0;
    complete_ = takes_gzip_ = nonsense_ = false;
    const Coding coding = *coding_;
    const bool packed = is_gzip(coding) && pack(body);
    body_ = packed ? std::string_view(packed_) : std::string_view(body);
    error_[0] = '\0';
    CURL* const e = easy_.get();
    curl().setopt(e, CURLOPT_CUSTOMREQUEST, method.c_str());
    curl().setopt(e, CURLOPT_HTTPHEADER, (packed ? gzip_headers_ : headers_).get());
    curl().setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body_.size()));
    const CURLcode code = curl().perform(e);
    long status = 0;
    curl().getinfo(e, CURLINFO_RESPONSE_CODE, &status);
    if (complete_ && status >= 200) {  // libcurl takes a head that was cut off for a whole one
      answer_.end = Answer::End::answered;
      answer_.status = static_cast<int>(status);
      answer_.whole = code == CURLE_OK;
      learn_coding(coding);
      return std::move(answer_);
    }
    answer_.error = nonsense_           ? "what came back is not HTTP"
                    : code == CURLE_OK  ? "the answer broke off in its head"
                    : error_[0] != '\0' ? error_
                                        : curl().strerror(code);
    answer_.end = end_of(code);
    return std::move(answer_);
  }

 private:
  template <class T>
  void set(CURL* easy, CURLoption option, T value) {
    ok_ = curl().setopt(easy, option, value) == CURLE_OK && ok_;
  }
  using List = std::unique_ptr<curl_slist, FreeList>;
  static void add(List& list, const std::string& line) { list.reset(curl().append(list.release(), line.c_str())); }

  /// Into `packed_`, the same bytes each time.
  bool pack(std::string_view body) {
    constexpr int kGzip = 15 + 16, kMemory = 8;
    if (body.size() > std::numeric_limits<uInt>::max() / 2) return false;
    if (!deflate_ready_) {
      if (deflateInit2(&deflate_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzip, kMemory, Z_DEFAULT_STRATEGY) != Z_OK) return false;
      deflate_ready_ = true;
    } else if (deflateReset(&deflate_) != Z_OK) {
      return false;
    }
    packed_.resize(deflateBound(&deflate_, static_cast<uLong>(body.size())));
    deflate_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));  // zlib does not write there
    deflate_.avail_in = static_cast<uInt>(body.size());
    deflate_.next_out = reinterpret_cast<Bytef*>(packed_.data());
    deflate_.avail_out = static_cast<uInt>(packed_.size());
    if (deflate(&deflate_, Z_FINISH) != Z_STREAM_END) return false;
    packed_.resize(deflate_.total_out);
    return true;
  }

  /// From the answer to a request that was coded as `used` says.
  void learn_coding(Coding used) {
    const int status = answer_.status;
    const bool unread = status == 415 || ((status == 400 || status == 422) && *coding_ == Coding::gzip_offered);
    Coding plain = Coding::plain;
    if (is_gzip(used) && unread) {
      *coding_ = Coding::plain_for_good;
    } else if (used == Coding::gzip_offered && status >= 200 && status < 300) {
      coding_->compare_exchange_strong(used, Coding::gzip_taken);
    } else if (takes_gzip_) {
      coding_->compare_exchange_strong(plain, Coding::gzip_offered);
    }
    answer_.recode = (is_gzip(used) && unread) || (status == 415 && is_gzip(used) != is_gzip(*coding_));
  }

  Answer::End end_of(CURLcode code) const {
    if (given_ != 0) return Answer::End::unclear;
    switch (code) {
      case CURLE_URL_MALFORMAT:
      case CURLE_UNSUPPORTED_PROTOCOL:
      case CURLE_PEER_FAILED_VERIFICATION:
      case CURLE_SSL_CACERT_BADFILE:
      case CURLE_SSL_CERTPROBLEM: return Answer::End::impossible;
      case CURLE_COULDNT_RESOLVE_HOST:
      case CURLE_COULDNT_RESOLVE_PROXY:
      case CURLE_COULDNT_CONNECT:
      case CURLE_SSL_CONNECT_ERROR: return Answer::End::not_sent;
      default: break;
    }
    long head = 0;
    curl().getinfo(easy_.get(), CURLINFO_REQUEST_SIZE, &head);
    return head == 0 ? Answer::End::not_sent : Answer::End::unclear;
  }

  static std::size_t give(char* to, std::size_t size, std::size_t count, void* self) {
    auto& t = *static_cast<CurlTransport*>(self);
    const std::size_t some = std::min(size * count, t.body_.size() - t.given_);
    std::memcpy(to, t.body_.data() + t.given_, some);
    t.given_ += some;
    return some;
  }
  /// libcurl sends again on its own when a kept connection turns out to be closed. Such a request would be in no books and have
  /// no token, so it is told that it cannot go back. libcurl 8.7 and newer ask also before the request that follows one which
  /// broke off: nothing of that one is given yet, and it is at its beginning.
  static int go_back(void* self, curl_off_t offset, int origin) {
    const auto& t = *static_cast<const CurlTransport*>(self);
    return t.given_ == 0 && offset == 0 && origin == SEEK_SET ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
  }
  static std::size_t take(char* bytes, std::size_t size, std::size_t count, void* self) {
    auto& t = *static_cast<CurlTransport*>(self);
    const std::size_t some = size * count;
    t.body_bytes_ += some;
    long status = 0;
    curl().getinfo(t.easy_.get(), CURLINFO_RESPONSE_CODE, &status);
    const std::size_t kept = status >= 200 && status < 300 ? kKeptSuccess : kKeptBody;
    t.answer_.body.append(bytes, std::min(some, kept - std::min(kept, t.answer_.body.size())));
    return t.body_bytes_ > kMostBody ? 0 : some;
  }
  static std::size_t header(char* bytes, std::size_t size, std::size_t count, void* self) {
    auto& t = *static_cast<CurlTransport*>(self);
    const std::size_t some = size * count;
    t.header_bytes_ += some;
    const std::string_view line = trimmed(std::string_view(bytes, some));
    if (line.starts_with("HTTP/")) {
      t.answer_.retry_after.clear();
      t.answer_.location.clear();
      t.answer_.content_type.clear();
      t.takes_gzip_ = t.complete_ = false;
      t.nonsense_ = !is_status_line(line);
      if (t.nonsense_) return 0;
    }
    if (starts_with_name(line, "retry-after")) t.answer_.retry_after = trimmed(line.substr(12));
    if (starts_with_name(line, "location")) t.answer_.location = trimmed(line.substr(9));
    if (starts_with_name(line, "content-type")) t.answer_.content_type = trimmed(line.substr(13));
    if (starts_with_name(line, "accept-encoding")) t.takes_gzip_ |= takes_gzip(line.substr(16));
    long status = 0;
    curl().getinfo(t.easy_.get(), CURLINFO_RESPONSE_CODE, &status);
    if (line.empty() && status >= 200) t.complete_ = true;
    return t.header_bytes_ > kMostHeaders ? 0 : some;
  }
  static int shall_stop(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<CurlTransport*>(self)->stop_ ? 1 : 0;
  }

  HttpTarget target_;
  std::shared_ptr<std::atomic<Coding>> coding_;
  const std::atomic<bool>& stop_;
  std::unique_ptr<CURL, FreeEasy> easy_;
  List headers_, gzip_headers_;
  bool ok_ = true;
  char error_[CURL_ERROR_SIZE] = {};
  std::string_view body_;
  std::size_t given_ = 0, header_bytes_ = 0, body_bytes_ = 0;
  bool complete_ = false, takes_gzip_ = false, nonsense_ = false;
  z_stream deflate_{};
  bool deflate_ready_ = false;
  std::string packed_;
  Answer answer_;
};

}  // namespace

bool takes_gzip(std::string_view accept_encoding) {
  while (!accept_encoding.empty()) {
    const std::size_t end = std::min(accept_encoding.find(','), accept_encoding.size());
    const std::string_view one = accept_encoding.substr(0, end);
    const std::size_t semicolon = std::min(one.find(';'), one.size());
    const std::string name = lower(trimmed(one.substr(0, semicolon)));
    const std::string weight = lower(trimmed(one.substr(std::min(semicolon + 1, one.size()))));
    const bool never = weight.starts_with("q=0") && weight.find_first_not_of("0.", 2) == std::string::npos;
    if ((name == "gzip" || name == "x-gzip") && !never) return true;
    accept_encoding.remove_prefix(std::min(end + 1, accept_encoding.size()));
  }
  return false;
}

TransportFactory http_transport(HttpTarget target, const std::atomic<bool>& stop) {
  auto coding = std::make_shared<std::atomic<Coding>>(Coding::plain);
  return [target = std::move(target), coding, &stop]() -> Result<std::unique_ptr<Transport>> {
    auto transport = std::make_unique<CurlTransport>(target, coding, stop);
    if (auto ok = transport->open(); !ok) return ok.error();
    return std::unique_ptr<Transport>(std::move(transport));
  };
}

}  // namespace crosswalk::delivery
