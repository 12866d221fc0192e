// The only file that includes curl.
#include <curl/curl.h>

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "delivery/transport.hpp"
#include "text.hpp"

namespace crosswalk::delivery {
namespace {

constexpr std::size_t kMostHeaders = std::size_t{256} << 10;
constexpr std::size_t kMostBody = std::size_t{1} << 20;
constexpr long kConnectMilliseconds = 15'000;

struct FreeEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

bool starts_with_name(std::string_view line, std::string_view name) {
  return line.size() > name.size() && line[name.size()] == ':' && lower(line.substr(0, name.size())) == name;
}

class CurlTransport final : public Transport {
 public:
  CurlTransport(const HttpTarget& target, const std::atomic<bool>& stop) : target_(target), stop_(stop) {}

  Result<void> open() {
    static const CURLcode global = curl_global_init(CURL_GLOBAL_DEFAULT);
    easy_.reset(global == CURLE_OK ? curl_easy_init() : nullptr);
    if (!easy_) return Error{Errc::io, "libcurl cannot be used", ""};
    for (const auto& [name, value] : target_.headers) add_header(fmt::format("{}: {}", name, value));
    add_header("Content-Type: application/json");
    add_header("Accept: application/json");
    add_header("Expect:");  // a server that never says "100 Continue" would cost a second each
    CURL* const e = easy_.get();
    set(e, CURLOPT_URL, target_.url.c_str());
    set(e, CURLOPT_PROTOCOLS_STR, "http,https");
    set(e, CURLOPT_FOLLOWLOCATION, 0L);
    set(e, CURLOPT_NOSIGNAL, 1L);
    set(e, CURLOPT_USERAGENT, "crosswalk");
    set(e, CURLOPT_HTTPHEADER, headers_.get());
    set(e, CURLOPT_ERRORBUFFER, error_);
    set(e, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(e, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
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
    // libcurl sends again on its own when a kept connection turns out to be closed. Such a request would be in no books and
    // have no token, so it is told that it cannot go back.
    set(e, CURLOPT_SEEKFUNCTION, &CurlTransport::go_back);
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
    body_ = body;
    given_ = 0;
    header_bytes_ = body_bytes_ = 0;
    complete_ = false;
    error_[0] = '\0';
    CURL* const e = easy_.get();
    curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, method.c_str());
    curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    const CURLcode code = curl_easy_perform(e);
    long status = 0;
    curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &status);
    if (code == CURLE_OK || (complete_ && status >= 200)) {
      // What follows the head cannot take back what it said.
      answer_.end = Answer::End::answered;
      answer_.status = static_cast<int>(status);
      return answer_;
    }
    answer_.error = error_[0] != '\0' ? error_ : curl_easy_strerror(code);
    answer_.end = end_of(code);
    return answer_;
  }

 private:
  template <class T>
  void set(CURL* easy, CURLoption option, T value) {
    ok_ = curl_easy_setopt(easy, option, value) == CURLE_OK && ok_;
  }
  void add_header(const std::string& line) { headers_.reset(curl_slist_append(headers_.release(), line.c_str())); }

  Answer::End end_of(CURLcode code) const {
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
    curl_easy_getinfo(easy_.get(), CURLINFO_REQUEST_SIZE, &head);
    return head == 0 && given_ == 0 ? Answer::End::not_sent : Answer::End::unclear;
  }

  static std::size_t give(char* to, std::size_t size, std::size_t count, void* self) {
    auto& t = *static_cast<CurlTransport*>(self);
    const std::size_t some = std::min(size * count, t.body_.size() - t.given_);
    std::memcpy(to, t.body_.data() + t.given_, some);
    t.given_ += some;
    return some;
  }
  static int go_back(void*, curl_off_t, int) { return CURL_SEEKFUNC_FAIL; }
  static std::size_t take(char* bytes, std::size_t size, std::size_t count, void* self) {
    auto& t = *static_cast<CurlTransport*>(self);
    const std::size_t some = size * count;
    t.body_bytes_ += some;
    t.answer_.body.append(bytes, std::min(some, kKeptBody - std::min(kKeptBody, t.answer_.body.size())));
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
    }
    if (starts_with_name(line, "retry-after")) t.answer_.retry_after = trimmed(line.substr(12));
    if (starts_with_name(line, "location")) t.answer_.location = trimmed(line.substr(9));
    long status = 0;
    curl_easy_getinfo(t.easy_.get(), CURLINFO_RESPONSE_CODE, &status);
    if (line.empty() && status >= 200) t.complete_ = true;
    return t.header_bytes_ > kMostHeaders ? 0 : some;
  }
  static int shall_stop(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<CurlTransport*>(self)->stop_ ? 1 : 0;
  }

  HttpTarget target_;
  const std::atomic<bool>& stop_;
  std::unique_ptr<CURL, FreeEasy> easy_;
  std::unique_ptr<curl_slist, FreeList> headers_;
  bool ok_ = true;
  char error_[CURL_ERROR_SIZE] = {};
  std::string_view body_;
  std::size_t given_ = 0, header_bytes_ = 0, body_bytes_ = 0;
  bool complete_ = false;
  Answer answer_;
};

}  // namespace

TransportFactory http_transport(HttpTarget target, const std::atomic<bool>& stop) {
  return [target = std::move(target), &stop]() -> Result<std::unique_ptr<Transport>> {
    auto transport = std::make_unique<CurlTransport>(target, stop);
    if (auto ok = transport->open(); !ok) return ok.error();
    return std::unique_ptr<Transport>(std::move(transport));
  };
}

}  // namespace crosswalk::delivery
