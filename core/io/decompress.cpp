#include "io/decompress.hpp"

#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "io/codec.hpp"

namespace crosswalk {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t kInputBuffer = std::size_t{256} << 10;

/// The largest zstd window we give memory for: 2^27 bytes are 128 MiB, what `zstd` itself takes without being asked.
constexpr int kZstdWindowLogMax = 27;

constexpr std::string_view kZstdMagic = "\x28\xb5\x2f\xfd"sv;

/// A zstd "skippable frame" begins with one of sixteen magic numbers, 0x184D2A50 to 0x184D2A5F, little endian.
constexpr std::string_view kSkippableTail = "\x2a\x4d\x18"sv;

bool may_begin_zstd(std::string_view head) {
  if (may_begin(head, kZstdMagic)) return true;
  const bool skippable_first = !head.empty() && (static_cast<unsigned char>(head[0]) & 0xF0u) == 0x50u;
  return skippable_first && may_begin(head.substr(1), kSkippableTail);
}

// --- the codecs ------------------------------------------------------------------------------------------------------

/// gzip by zlib, which is everywhere.
class ZlibCodec final : public Codec {
 public:
  ZlibCodec() {
    constexpr int gzip_only = 15 + 16;  // the largest window; +16: a gzip header, and its checksum is verified
    ready_ = inflateInit2(&z_, gzip_only) == Z_OK;
  }
  ~ZlibCodec() override {
    if (ready_) inflateEnd(&z_);
  }
  ZlibCodec(const ZlibCodec&) = delete;
  ZlibCodec& operator=(const ZlibCodec&) = delete;

  bool ready() const override { return ready_; }
  bool may_begin_member(std::string_view head) const override { return may_begin(head, kGzipMagic); }
  void begin_member() override { inflateReset(&z_); }

  Step step(std::string_view in, char* to, std::size_t size) override {
    constexpr std::size_t max_step = std::size_t{1} << 30;  // zlib counts in unsigned int
    const auto in_size = static_cast<uInt>(std::min(in.size(), max_step));
    const auto out_size = static_cast<uInt>(std::min(size, max_step));
    // zlib never writes to its input; the interface of 1995 only lacks the const.
    z_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    z_.avail_in = in_size;
    z_.next_out = reinterpret_cast<Bytef*>(to);
    z_.avail_out = out_size;
    const int code = inflate(&z_, Z_NO_FLUSH);
    Step done;
    done.consumed = in_size - z_.avail_in;
    done.produced = out_size - z_.avail_out;
    done.member_ended = code == Z_STREAM_END;
    const bool went_on = code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR;  // the last: nothing to do yet
    if (!went_on) done.bad = z_.msg != nullptr ? std::string(words_of(z_.msg)) : zError(code);
    return done;
  }

 private:
  /// zlib tells a dozen ways in which a block is wrong. Nobody repairs one, so all libraries say it in the same few words.
  static std::string_view words_of(std::string_view message) {
    if (message == "invalid literal/length code" || message == "invalid distance code") return "invalid code";
    const bool of_a_block = message.starts_with("invalid ") && message != "invalid distance too far back";
    return of_a_block || message.starts_with("too many ") ? "invalid block" : message;
  }

  z_stream z_{};
  bool ready_ = false;
};

class ZstdCodec final : public Codec {
 public:
  ZstdCodec() : context_(ZSTD_createDCtx()) {
    if (context_) ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kZstdWindowLogMax);
  }

  bool ready() const override { return context_ != nullptr; }
  bool may_begin_member(std::string_view head) const override { return may_begin_zstd(head); }
  void begin_member() override { ZSTD_DCtx_reset(context_.get(), ZSTD_reset_session_only); }

  Step step(std::string_view in, char* to, std::size_t size) override {
    ZSTD_inBuffer input{in.data(), in.size(), 0};
    ZSTD_outBuffer output{to, size, 0};
    const std::size_t code = ZSTD_decompressStream(context_.get(), &output, &input);
    Step done;
    done.consumed = input.pos;
    done.produced = output.pos;
    done.member_ended = code == 0;
    if (ZSTD_isError(code) != 0) {
      done.bad = ZSTD_getErrorName(code);
      if (ZSTD_getErrorCode(code) == ZSTD_error_frameParameter_windowTooLarge) {
        done.bad = "it was compressed with a window above 128 MiB, which is more memory than we give it";
        done.cure = "Decompress it first: zstd -d --long=31 FILE";
      }
    }
    return done;
  }

 private:
  struct Free {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };
  std::unique_ptr<ZSTD_DCtx, Free> context_;
};

// --- the stream ------------------------------------------------------------------------------------------------------

/// Compressed bytes waiting for the codec, and how far we are in the compressed input.
class InputBuffer {
 public:
  explicit InputBuffer(std::unique_ptr<ByteSource> raw) : raw_(std::move(raw)), buffer_(kInputBuffer) {}

  std::string_view view() const { return {buffer_.data() + begin_, end_ - begin_}; }
  std::uint64_t position() const { return position_; }
  void consume(std::size_t count) {
    begin_ += count;
    position_ += count;
  }

  /// Reads until `count` bytes are there; fewer only at the end of the input. `count` is small.
  Result<void> ensure(std::size_t count) {
    if (end_ - begin_ >= count) return {};
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    while (end_ < count) {
      const auto got = raw_->read(buffer_.data() + end_, buffer_.size() - end_);
      if (!got) return got.error();
      if (*got == 0) return {};
      end_ += *got;
    }
    return {};
  }

 private:
  std::unique_ptr<ByteSource> raw_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::uint64_t position_ = 0;
};

class DecompressSource final : public ByteSource {
 public:
  DecompressSource(std::string name, std::string compression, std::unique_ptr<Codec> codec, std::unique_ptr<ByteSource> raw)
      : name_(std::move(name)), compression_(std::move(compression)), codec_(std::move(codec)), in_(std::move(raw)) {}

  Result<std::size_t> read(char* to, std::size_t size) override {
    if (size == 0) return std::size_t{0};
    while (!error_ && !ended_) {
      if (!in_member_) {
        look_for_member();
        continue;
      }
      const std::size_t produced = advance(to, size);
      if (produced > 0) return produced;  // an error met on the way is reported by the next call: no byte is lost
    }
    if (error_) return *error_;
    return std::size_t{0};
  }

 private:
  /// Between members: the input ends here, another member begins, or something stands here that does not belong.
  void look_for_member() {
    constexpr std::size_t magic_size = 4;
    if (const auto got = in_.ensure(magic_size); !got) return fail(got.error());
    std::string_view head = in_.view();
    if (head.empty()) {
      ended_ = true;
    } else if (members_ > 0 && head[0] == '\0') {
      in_.consume(std::min(head.find_first_not_of('\0'), head.size()));  // padding to a block size
    } else if (codec_->may_begin_member(head.substr(0, magic_size))) {
      codec_->begin_member();
      in_member_ = true;
      more_output_ = false;
      ++members_;
    } else {
      fail(data_error("has something that is not " + compression_ + " data after its compressed data, at compressed byte " +
                          std::to_string(in_.position()),
                      "The " + delivered() + " before it were delivered. Cut the file there, or get it again."));
    }
  }

  /// One step inside a member; returns the number of bytes written.
  std::size_t advance(char* to, std::size_t size) {
    // A codec that filled the whole output may hold more of it; only else does it need input.
    if (in_.view().empty() && !more_output_) {
      if (const auto got = in_.ensure(1); !got) {
        fail(got.error());
        return 0;
      }
      if (in_.view().empty()) {
        fail(data_error("ends in the middle of its " + compression_ + " data (" + delivered() + " decompressed were delivered)",
                        "The file was cut, for instance by a broken download: get it again."));
        return 0;
      }
    }
    const Step done = codec_->step(in_.view(), to, size);
    in_.consume(done.consumed);
    total_ += done.produced;
    more_output_ = done.produced == size;
    if (done.member_ended) in_member_ = false;
    if (done.bad) fail(damaged(done));
    return done.produced;
  }

  Error damaged(const Step& step) const {
    return data_error("has " + compression_ + " data that cannot be decompressed, at about compressed byte " +
                          std::to_string(in_.position()) + ": " + *step.bad + " (" + delivered() +
                          " decompressed were delivered)",
                      step.cure.empty() ? "The file is damaged: get it again." : step.cure);
  }

  std::string delivered() const { return std::to_string(total_) + " bytes"; }
  Error data_error(std::string what, std::string cure) const {
    return {Errc::data, name_ + " " + std::move(what), std::move(cure)};
  }
  void fail(Error error) { error_ = std::move(error); }

  std::string name_;
  std::string compression_;
  std::unique_ptr<Codec> codec_;
  InputBuffer in_;
  std::uint64_t members_ = 0;
  std::uint64_t total_ = 0;  ///< decompressed bytes given out
  bool in_member_ = false;
  bool more_output_ = false;
  bool ended_ = false;
  std::optional<Error> error_;
};

// --- containers that we do not read ----------------------------------------------------------------------------------

struct Foreign {
  std::string_view magic;
  const char* what;
  const char* cure;
};

constexpr std::array kForeign{
    Foreign{"PK\x03\x04"sv, "a zip archive (or a spreadsheet file)",
            "Zip archives are read from files only, by the directory at their end, and none inside of another: "
            "give the file (crosswalk translate … FILE.zip); save a spreadsheet as CSV."},
    Foreign{"BZh"sv, "bzip2 data", "Decompress it first: bzip2 -dc FILE | crosswalk translate … -"},
    Foreign{"\xfd\x37\x7a\x58\x5a\x00"sv, "xz data", "Decompress it first: xz -dc FILE | crosswalk translate … -"},
    Foreign{"7z\xbc\xaf\x27\x1c"sv, "a 7-Zip archive",
            "Unpack it and give the files inside; of archives, only zip is read as it is."},
};

/// "BZh" alone could begin a text; bzip2 goes on with a digit and the first six digits of pi.
bool is_foreign(std::string_view head, const Foreign& foreign) {
  if (!head.starts_with(foreign.magic)) return false;
  return foreign.magic != "BZh"sv || (head.size() >= 10 && head.substr(4, 6) == "\x31\x41\x59\x26\x53\x59"sv);
}

std::unique_ptr<Codec> gzip_codec(GzipLibrary library) {
#ifdef CROSSWALK_ISAL
  if (library == GzipLibrary::fastest) return isal_codec();
#else
  (void)library;
#endif
  return std::make_unique<ZlibCodec>();
}

}  // namespace

Result<std::string> sniff_compression(const std::string& name, std::string_view head) {
  for (const Foreign& foreign : kForeign) {
    if (is_foreign(head, foreign)) return Error{Errc::data, name + " is " + foreign.what, foreign.cure};
  }
  if (head.size() >= kGzipMagic.size() && may_begin(head, kGzipMagic)) return std::string("gzip");
  if (head.size() >= kZstdMagic.size() && may_begin_zstd(head)) return std::string("zstd");
  return std::string("none");
}

Result<std::unique_ptr<ByteSource>> decompress(const std::string& name, const std::string& compression,
                                               std::unique_ptr<ByteSource> raw, GzipLibrary library) {
  std::unique_ptr<Codec> codec = compression == "gzip" ? gzip_codec(library) : std::make_unique<ZstdCodec>();
  if (!codec->ready()) return Error{Errc::io, "no memory to decompress " + name, "Free some memory and try again."};
  return std::unique_ptr<ByteSource>(std::make_unique<DecompressSource>(name, compression, std::move(codec), std::move(raw)));
}

}  // namespace crosswalk
