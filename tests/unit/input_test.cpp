#include "io/input.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>
#include <utility>

#include "folder.hpp"
#include "zip_archive.hpp"

using namespace crosswalk;
using namespace std::string_literals;
namespace fs = std::filesystem;

namespace {

// --- reading ---------------------------------------------------------------------------------------------------------

/// All that a source gave, and how it ended.
struct Outcome {
  std::string bytes;
  std::string error;  ///< Error::text(), empty when the end was a clean one
  std::string encoding;
  std::string compression;
};

/// Reads a source in pieces of `step` bytes. A clean end must stay an end, and an error must stay an error.
Outcome drain(ByteSource& source, std::size_t step = 4096) {
  Outcome outcome;
  std::string buffer(step, '\0');
  for (;;) {
    const auto got = source.read(buffer.data(), step);
    if (!got) {
      outcome.error = got.error().text();
      const auto again = source.read(buffer.data(), step);
      CHECK_FALSE(again.ok());
      return outcome;
    }
    if (*got == 0) {
      const auto again = source.read(buffer.data(), step);
      CHECK(again.ok());
      CHECK(*again == 0);
      return outcome;
    }
    REQUIRE(*got <= step);
    outcome.bytes.append(buffer, 0, *got);
  }
}

Outcome read_all(Result<Input> input, std::size_t step = 4096) {
  if (!input) return {"", input.error().text(), "", ""};
  Outcome outcome = drain(*input->bytes, step);
  outcome.encoding = input->encoding;
  outcome.compression = input->compression;
  return outcome;
}

/// An error without place, reason and count: "in.dat has gzip data that cannot be decompressed".
std::string kind_of(const std::string& error) {
  return error.substr(0, std::min(error.find(", at about compressed byte "), error.find(" (")));
}

/// Where one of two libraries notices later that data are damaged, it gives more.
bool one_begins_the_other(const std::string& a, const std::string& b) { return a.starts_with(b) || b.starts_with(a); }

/// decode_input() over bytes that come `chunk` at a time.
Outcome decode_by(GzipLibrary library, const std::string& bytes, std::size_t chunk, std::size_t step) {
  return read_all(decode_input("in.dat", memory_source(bytes, chunk), library), step);
}

/// The same by the fastest library; of gzip, zlib must say the same.
Outcome decode(const std::string& bytes, std::size_t chunk = 0, std::size_t step = 4096) {
  const Outcome got = decode_by(GzipLibrary::fastest, bytes, chunk, step);
  if (got.compression != "gzip") return got;
  const Outcome by_zlib = decode_by(GzipLibrary::zlib, bytes, chunk, step);
  CHECK(kind_of(got.error) == kind_of(by_zlib.error));
  const bool same = got.error.empty() ? got.bytes == by_zlib.bytes : one_begins_the_other(got.bytes, by_zlib.bytes);
  CHECK(same);
  return got;
}

/// Whole at once, and in the pieces where borders fall everywhere.
constexpr std::size_t kChunks[] = {0, 1, 2, 3, 7};

// --- making inputs ---------------------------------------------------------------------------------------------------

std::string gzip(const std::string& plain, int level = 6) {
  z_stream z{};
  REQUIRE(deflateInit2(&z, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&z, static_cast<uLong>(plain.size())) + 64, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  z.avail_in = static_cast<uInt>(plain.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&z, Z_FINISH) == Z_STREAM_END);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

std::string zstd(const std::string& plain, int level = 3) {
  std::string out(ZSTD_compressBound(plain.size()), '\0');
  const std::size_t size = ZSTD_compress(out.data(), out.size(), plain.data(), plain.size(), level);
  REQUIRE_FALSE(ZSTD_isError(size));
  out.resize(size);
  return out;
}

/// A frame whose header asks for a window of 2^`window_log`, without its size: what `zstd --long` writes to a pipe.
std::string zstd_with_window(const std::string& plain, int window_log) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  std::string out(ZSTD_compressBound(plain.size()) + 64, '\0');
  ZSTD_inBuffer in{plain.data(), plain.size(), 0};
  ZSTD_outBuffer to{out.data(), out.size(), 0};
  // Two calls, so that the library cannot know the size and shrink the window to it.
  REQUIRE_FALSE(ZSTD_isError(ZSTD_compressStream2(context, &to, &in, ZSTD_e_flush)));
  REQUIRE(ZSTD_compressStream2(context, &to, &in, ZSTD_e_end) == 0);
  ZSTD_freeCCtx(context);
  out.resize(to.pos);
  return out;
}

std::string utf16(std::u16string_view text, bool big_endian, bool mark = true) {
  std::string out;
  const auto put = [&](char16_t unit) {
    const char high = static_cast<char>(unit >> 8);
    const char low = static_cast<char>(unit & 0xFF);
    out += big_endian ? high : low;
    out += big_endian ? low : high;
  };
  if (mark) put(0xFEFF);
  for (const char16_t unit : text) put(unit);
  return out;
}

/// Text with some variety: compressible, but not to nothing.
std::string sample(std::size_t size) {
  std::mt19937 random(20250309);
  std::string text;
  while (text.size() < size) text += "ticket " + std::to_string(random()) + ",Zürich,\"a \"\"b\"\"\"\r\n";
  text.resize(size);
  return text;
}

/// Root may read everything; tests about rights put it off for a while.
class OrdinaryUser {
 public:
  OrdinaryUser() : was_(::geteuid()) {
    if (was_ == 0) REQUIRE(::seteuid(65534) == 0);
  }
  OrdinaryUser(const OrdinaryUser&) = delete;
  OrdinaryUser& operator=(const OrdinaryUser&) = delete;
  ~OrdinaryUser() {
    if (was_ == 0 && ::seteuid(0) != 0) std::abort();
  }

 private:
  uid_t was_;
};

/// Puts a descriptor in the place of standard input for a while.
class AsStandardInput {
 public:
  explicit AsStandardInput(int descriptor) : kept_(::dup(STDIN_FILENO)) {
    if (descriptor >= 0) {
      REQUIRE(::dup2(descriptor, STDIN_FILENO) == STDIN_FILENO);
    } else {
      ::close(STDIN_FILENO);
    }
  }
  AsStandardInput(const AsStandardInput&) = delete;
  AsStandardInput& operator=(const AsStandardInput&) = delete;
  ~AsStandardInput() {
    if (kept_ < 0) {
      ::close(STDIN_FILENO);
    } else {
      ::dup2(kept_, STDIN_FILENO);
      ::close(kept_);
    }
  }

 private:
  int kept_;
};

/// Gives what it has, then fails.
class FailingSource final : public ByteSource {
 public:
  explicit FailingSource(std::string bytes) : bytes_(memory_source(std::move(bytes))) {}
  Result<std::size_t> read(char* to, std::size_t size) override {
    const auto got = bytes_->read(to, size);
    if (*got > 0) return got;
    return Error{Errc::io, "the disk is gone", ""};
  }

 private:
  std::unique_ptr<ByteSource> bytes_;
};

}  // namespace

// --- plain text ------------------------------------------------------------------------------------------------------

TEST_CASE("input: plain bytes come as they are") {
  for (const std::size_t chunk : kChunks) {
    CAPTURE(chunk);
    for (const std::string& text : {""s, "a"s, "ab"s, "Id,Subject\r\n7,\0x\n"s, sample(300'000)}) {
      const Outcome got = decode(text, chunk);
      CHECK(got.bytes == text);
      CHECK(got.error.empty());
      CHECK(got.encoding == "utf-8");
      CHECK(got.compression == "none");
    }
  }
}

TEST_CASE("input: a UTF-8 byte order mark is removed, once, and only at the start") {
  for (const std::size_t chunk : kChunks) {
    CAPTURE(chunk);
    CHECK(decode("\xef\xbb\xbfId", chunk).bytes == "Id");
    CHECK(decode("\xef\xbb\xbf", chunk).bytes.empty());
    CHECK(decode("\xef\xbb\xbf\xef\xbb\xbfId", chunk).bytes == "\xef\xbb\xbfId");
    CHECK(decode("\xef\xbb", chunk).bytes == "\xef\xbb");
    CHECK(decode("I\xef\xbb\xbf", chunk).bytes == "I\xef\xbb\xbf");
  }
}

TEST_CASE("input: a read of no bytes is not the end") {
  auto input = decode_input("in.dat", memory_source(gzip("abc")));
  REQUIRE(input.ok());
  char none = 0;
  CHECK(*input->bytes->read(&none, 0) == 0);
  CHECK(drain(*input->bytes).bytes == "abc");
}

// --- UTF-16 and UTF-32 -----------------------------------------------------------------------------------------------

TEST_CASE("input: UTF-16 with a mark becomes UTF-8, wherever chunks end") {
  const std::u16string text = u"Id,Zürich\r\n7,東京 \U0001F600\U0010FFFF,\u07FF\u0800\uFFFD\uFEFF\n";
  const std::string wanted = "Id,Zürich\r\n7,東京 \U0001F600\U0010FFFF,\u07FF\u0800\uFFFD\uFEFF\n";
  for (const bool big_endian : {false, true}) {
    for (const std::size_t chunk : kChunks) {
      for (const std::size_t step : {1u, 2u, 3u, 7u, 4096u}) {
        CAPTURE(big_endian);
        CAPTURE(chunk);
        CAPTURE(step);
        const Outcome got = decode(utf16(text, big_endian), chunk, step);
        CHECK(got.bytes == wanted);
        CHECK(got.error.empty());
        CHECK(got.encoding == (big_endian ? "utf-16be" : "utf-16le"));
      }
    }
  }
}

TEST_CASE("input: UTF-16 that is larger than a buffer") {
  std::u16string text;
  std::string wanted;
  for (int i = 0; i < 100'000; ++i) {
    text += i % 3 == 0 ? u"\U0001F600" : u"é,";
    wanted += i % 3 == 0 ? "\U0001F600" : "é,";
  }
  for (const std::size_t chunk : {std::size_t{0}, std::size_t{65'535}, std::size_t{7}}) {
    CHECK(decode(utf16(text, false), chunk).bytes == wanted);
  }
}

TEST_CASE("input: half a surrogate pair and an odd last byte stay visible as invalid UTF-8") {
  struct Case {
    std::u16string in;
    std::string out;
  };
  const Case cases[] = {
      {u"a\xD83Dz"s, "a\xED\xA0\xBDz"},                    // a first half alone
      {u"a\xDE00z"s, "a\xED\xB8\x80z"},                    // a second half alone
      {u"\xD83D"s, "\xED\xA0\xBD"},                        // a first half at the end
      {u"\xD83D\xD83D\xDE00"s, "\xED\xA0\xBD\U0001F600"},  // a first half before a pair
      {u"\xDE00\xD83D"s, "\xED\xB8\x80\xED\xA0\xBD"},      // the wrong way round
  };
  for (const bool big_endian : {false, true}) {
    for (const std::size_t chunk : kChunks) {
      CAPTURE(chunk);
      for (const Case& c : cases) {
        CHECK(decode(utf16(c.in, big_endian), chunk).bytes == c.out);
        CHECK(decode(utf16(c.in, big_endian) + "x", chunk).bytes == c.out + "\xFF");
      }
    }
  }
}

TEST_CASE("input: UTF-16 inside gzip and zstd") {
  for (const std::size_t chunk : kChunks) {
    CHECK(decode(gzip(utf16(u"Id\né\n", false)), chunk).bytes == "Id\né\n");
    const Outcome got = decode(zstd(utf16(u"Id\né\n", true)), chunk);
    CHECK(got.bytes == "Id\né\n");
    CHECK(got.encoding == "utf-16be");
    CHECK(got.compression == "zstd");
  }
}

TEST_CASE("input: UTF-32 is refused with its cure") {
  for (const std::string& mark : {"\xff\xfe\0\0"s, "\0\0\xfe\xff"s}) {
    for (const std::size_t chunk : kChunks) {
      CHECK(decode(mark + "I\0\0\0"s, chunk).error ==
            "in.dat is text in UTF-32, which is not read\n"
            "  Convert it first: iconv -f UTF-32 -t UTF-8 FILE > FILE.utf8");
    }
  }
}

// --- gzip ------------------------------------------------------------------------------------------------------------

TEST_CASE("input: gzip, one member and many, with empty ones and padding") {
  const std::string text = sample(400'000);
  for (const std::size_t chunk : kChunks) {
    CAPTURE(chunk);
    const Outcome one = decode(gzip(text), chunk);
    CHECK(one.bytes == text);
    CHECK(one.error.empty());
    CHECK(one.compression == "gzip");
    CHECK(decode(gzip(""), chunk).bytes.empty());
    CHECK(decode(gzip("\xef\xbb\xbfId"), chunk).bytes == "Id");

    std::string many, plain;
    for (int i = 0; i < 40; ++i) {
      const std::string part = i % 5 == 0 ? "" : sample(static_cast<std::size_t>(i) * 37);
      many += gzip(part);
      plain += part;
    }
    CHECK(decode(many, chunk).bytes == plain);
    CHECK(decode(gzip("ab") + std::string(1024, '\0'), chunk).bytes == "ab");
    CHECK(decode(gzip("ab") + std::string(3, '\0') + gzip("cd"), chunk).bytes == "abcd");
  }
}

TEST_CASE("input: reads of every size give the same bytes from gzip and zstd") {
  const std::string text = sample(5'000);
  for (const std::size_t step : {1u, 2u, 3u, 7u, 64u, 4999u, 5000u, 5001u}) {
    CAPTURE(step);
    CHECK(decode(gzip(text) + gzip(text), 7, step).bytes == text + text);
    CHECK(decode(zstd(text) + zstd(text), 7, step).bytes == text + text);
  }
}

TEST_CASE("input: gzip cut at every byte says so, after giving all that was whole") {
  const std::string text = sample(600);
  const std::string first = gzip(text);
  const std::string whole = first + gzip(text);
  for (std::size_t size = 2; size < whole.size(); ++size) {
    if (size == first.size()) continue;  // cut between members: nobody can see that
    CAPTURE(size);
    const Outcome got = decode(whole.substr(0, size));
    CHECK(got.bytes == (text + text).substr(0, got.bytes.size()));
    CHECK(got.error == "in.dat ends in the middle of its gzip data (" + std::to_string(got.bytes.size()) +
                           " bytes decompressed were delivered)\n"
                           "  The file was cut, for instance by a broken download: get it again.");
  }
}

TEST_CASE("input: what follows a gzip member and is none is an error with its place") {
  const std::string member = gzip("abc");
  for (const std::size_t chunk : kChunks) {
    CAPTURE(chunk);
    const Outcome got = decode(member + "garbage", chunk);
    CHECK(got.bytes == "abc");
    CHECK(got.error == "in.dat has something that is not gzip data after its compressed data, at compressed byte " +
                           std::to_string(member.size()) +
                           "\n  The 3 bytes before it were delivered. Cut the file there, or get it again.");
    // Behind padding, the place is that of the first byte that is not padding.
    const Outcome padded = decode(member + std::string(5, '\0') + "\x1fgarbage", chunk);
    CHECK(padded.error.find("at compressed byte " + std::to_string(member.size() + 5) + "\n") != std::string::npos);
  }
}

TEST_CASE("input: damaged gzip data") {
  const std::string text = sample(2'000);
  std::string wrong_sum = gzip(text);
  wrong_sum[wrong_sum.size() - 8] = static_cast<char>(wrong_sum[wrong_sum.size() - 8] ^ 1);
  const Outcome got = decode(wrong_sum);
  CHECK(got.bytes == text);
  CHECK(got.error == "in.dat has gzip data that cannot be decompressed, at about compressed byte " +
                         std::to_string(wrong_sum.size() - 4) +
                         ": incorrect data check (2000 bytes decompressed were delivered)\n"
                         "  The file is damaged: get it again.");
  CHECK(decode("\x1f\x8b\x07garbage").error ==
        "in.dat has gzip data that cannot be decompressed, at about compressed byte 4: unknown compression method "
        "(0 bytes decompressed were delivered)\n  The file is damaged: get it again.");
}

TEST_CASE("input: any flipped byte of a gzip or zstd file ends in the right bytes or an error, never in a hang") {
  const std::string text = sample(700);
  for (const std::string& good : {gzip(text), zstd(text) + zstd("more")}) {
    for (std::size_t at = 0; at < good.size(); ++at) {
      CAPTURE(at);
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ 0x10);
      const Outcome got = decode(bad, 7);
      CHECK(got.bytes.size() < 100'000);
    }
  }
}

/// A member with whatever a header may have; what it says is nobody's business here.
std::string gzip_with_header(const std::string& plain, unsigned flags, std::size_t extra = 5) {
  const auto byte = [](std::size_t value) { return static_cast<char>(value & 0xFF); };
  std::string header = "\x1f\x8b\x08"s + static_cast<char>(flags) + "\x01\x02\x03\x04\x02\x03"s;
  if ((flags & 0x04) != 0) header += byte(extra), header += byte(extra >> 8), header += std::string(extra, '\x1f');
  if ((flags & 0x08) != 0) header += "tickets.csv\0"s;
  if ((flags & 0x10) != 0) header += "a comment\0"s;
  if ((flags & 0x02) != 0) {
    const auto sum = ::crc32(0, reinterpret_cast<const Bytef*>(header.data()), static_cast<uInt>(header.size()));
    header += byte(sum), header += byte(sum >> 8);
  }
  return header + gzip(plain).substr(10);
}

TEST_CASE("input: gzip headers with extra fields, a name, a comment and a sum, wherever chunks end") {
  const std::string text = sample(3'000);
  for (unsigned flags = 0; flags < 32; ++flags) {
    for (const std::size_t extra : {std::size_t{0}, std::size_t{5}, std::size_t{65'535}}) {
      if (extra != 5 && (flags & 0x04) == 0) continue;
      const std::string packed = gzip_with_header(text, flags, extra);
      for (const std::size_t chunk : kChunks) {
        CAPTURE(flags);
        CAPTURE(extra);
        CAPTURE(chunk);
        const Outcome got = decode(packed + packed, chunk);
        CHECK(got.bytes == text + text);
        CHECK(got.error.empty());
      }
    }
  }
}

TEST_CASE("input: damaged gzip headers and trailers") {
  const auto reason = [](const std::string& packed) {
    const std::string error = decode(packed, 1).error;
    const std::size_t place = error.find("at about compressed byte ");
    return place == std::string::npos ? error : error.substr(place + 25, error.find(" (") - place - 25);
  };
  CHECK(reason(gzip_with_header("abc", 0x20)) == "4: unknown header flags set");
  std::string wrong = gzip_with_header("abc", 0x1f);
  wrong[40] = static_cast<char>(wrong[40] ^ 1);  // the second byte of the sum
  CHECK(reason(wrong) == "41: header crc mismatch");
  wrong = gzip("abc");
  wrong.back() = static_cast<char>(wrong.back() ^ 1);
  CHECK(reason(wrong) == std::to_string(wrong.size()) + ": incorrect length check");
  wrong = gzip("abc");
  wrong[wrong.size() - 5] = static_cast<char>(wrong[wrong.size() - 5] ^ 1);
  CHECK(kind_of(decode(wrong).error) == "in.dat has gzip data that cannot be decompressed");
}

/// Streams of every kind of block, in pieces of any size.
std::string packed_anyhow(const std::string& plain, std::mt19937& random) {
  const auto upto = [&](int most) { return static_cast<int>(random() % static_cast<unsigned>(most + 1)); };
  const int strategies[] = {Z_DEFAULT_STRATEGY, Z_FILTERED, Z_HUFFMAN_ONLY, Z_RLE, Z_FIXED};
  z_stream z{};
  REQUIRE(deflateInit2(&z, upto(9), Z_DEFLATED, 9 + upto(6) + 16, 1 + upto(8), strategies[upto(4)]) == Z_OK);
  std::string out(deflateBound(&z, static_cast<uLong>(plain.size())) + 64 * 1024, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  const int flushes[] = {Z_NO_FLUSH, Z_SYNC_FLUSH, Z_FULL_FLUSH, Z_BLOCK, Z_PARTIAL_FLUSH};
  for (int piece = upto(8); piece > 0; --piece) {
    z.avail_in = static_cast<uInt>((plain.size() - z.total_in) / static_cast<unsigned>(piece + 1));
    REQUIRE(deflate(&z, flushes[upto(4)]) != Z_STREAM_ERROR);
  }
  z.avail_in = static_cast<uInt>(plain.size() - z.total_in);
  REQUIRE(deflate(&z, Z_FINISH) == Z_STREAM_END);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

std::string plain_anyhow(std::mt19937& random) {
  std::string text = random() % 3 == 0 ? std::string() : sample(random() % 200'000);
  for (std::size_t more = random() % 4; more > 0; --more) {
    const std::size_t size = random() % 70'000;
    if (random() % 2 == 0) text.append(size, static_cast<char>(random()));
    for (std::size_t i = random() % 2 * size; i > 0; --i) text += static_cast<char>(random());  // not to be compressed
  }
  return text;
}

TEST_CASE("input: gzip of every kind gives its bytes, and damaged anyhow an error; the two libraries agree") {
  std::mt19937 random(1952);
  for (int round = 0; round < 60; ++round) {
    CAPTURE(round);
    std::string plain, packed;
    for (std::size_t members = 1 + random() % 3; members > 0; --members) {
      const std::string part = plain_anyhow(random);
      packed += packed_anyhow(part, random);
      plain += part;
    }
    const std::size_t chunk = random() % 3 == 0 ? 0 : 1 + random() % 5'000;
    const std::size_t step = 1 + random() % (random() % 2 == 0 ? 300 : 300'000);
    const Outcome got = decode(packed, chunk, step);
    const bool whole = got.bytes == plain;
    CHECK(whole);
    CHECK(got.error.empty());
    for (int damage = 0; damage < 8; ++damage) {
      std::string bad = packed;
      for (std::size_t count = 1 + random() % 3; count > 0; --count) {
        const std::size_t at = 2 + random() % (bad.size() - 2);
        switch (random() % 5) {
          case 0: bad[at] = static_cast<char>(random()); break;
          case 1: bad.erase(at, 1 + random() % 20); break;
          case 2: bad.insert(at, 1 + random() % 20, static_cast<char>(random())); break;
          case 3: bad.resize(at + 1); break;
          default: bad[at] = static_cast<char>(bad[at] ^ (1 << random() % 8)); break;
        }
        if (bad.size() < 3) break;
      }
      CAPTURE(damage);
      const Outcome one = decode_by(GzipLibrary::fastest, bad, chunk, step);
      const Outcome other = decode_by(GzipLibrary::zlib, bad, chunk, step);
      const bool both_fail = !one.error.empty() && !other.error.empty() && one_begins_the_other(one.bytes, other.bytes);
      const bool both_pass = one.error.empty() && other.error.empty() && one.bytes == other.bytes;
      // zlib refuses a code with gaps even where nothing runs into one; the sum says that the data are right.
      const bool one_forgives = one.error.empty() && one.bytes == plain;
      const bool agreed = both_fail || both_pass || one_forgives;
      CHECK(agreed);
    }
  }
}

// --- zstd ------------------------------------------------------------------------------------------------------------

TEST_CASE("input: zstd, frames, skippable frames, padding") {
  const std::string text = sample(400'000);
  const std::string skippable = "\x5a\x2a\x4d\x18\x03\x00\x00\x00xyz"s;
  for (const std::size_t chunk : kChunks) {
    CAPTURE(chunk);
    const Outcome one = decode(zstd(text), chunk);
    CHECK(one.bytes == text);
    CHECK(one.error.empty());
    CHECK(one.compression == "zstd");
    CHECK(decode(zstd("ab") + zstd("") + zstd("cd"), chunk).bytes == "abcd");
    const Outcome skipped = decode(skippable + zstd("ab") + skippable + zstd("cd") + "\0\0"s, chunk);
    CHECK(skipped.bytes == "abcd");
    CHECK(skipped.error.empty());
  }
}

TEST_CASE("input: zstd cut at every byte") {
  const std::string text = sample(600);
  const std::string whole = zstd(text);
  for (std::size_t size = 4; size < whole.size(); ++size) {
    CAPTURE(size);
    const Outcome got = decode(whole.substr(0, size));
    CHECK(got.error == "in.dat ends in the middle of its zstd data (" + std::to_string(got.bytes.size()) +
                           " bytes decompressed were delivered)\n"
                           "  The file was cut, for instance by a broken download: get it again.");
  }
}

TEST_CASE("input: what follows a zstd frame and is none is an error with its place") {
  const std::string frame = zstd("abc");
  for (const std::size_t chunk : kChunks) {
    const Outcome got = decode(frame + "Id,Subject", chunk);
    CHECK(got.bytes == "abc");
    CHECK(got.error.find("at compressed byte " + std::to_string(frame.size()) + "\n") != std::string::npos);
  }
}

TEST_CASE("input: a zstd window is taken up to 128 MiB and no further") {
  CHECK(decode(zstd_with_window("abc", 27)).bytes == "abc");
  CHECK(decode(zstd_with_window("abc", 28)).error ==
        "in.dat has zstd data that cannot be decompressed, at about compressed byte 0: it was compressed with a window "
        "above 128 MiB, which is more memory than we give it (0 bytes decompressed were delivered)\n"
        "  Decompress it first: zstd -d --long=31 FILE");
}

// --- containers ------------------------------------------------------------------------------------------------------

TEST_CASE("input: containers that are not read are named, with their cure") {
  struct Case {
    std::string head;
    std::string message;
  };
  const Case cases[] = {
      {"PK\x03\x04\x14\x00\x08\x00"s, "in.dat is a zip archive (or a spreadsheet file)"},
      {"BZh91AY&SY\x01\x02"s, "in.dat is bzip2 data"},
      {"\xfd"s + "7zXZ\0\0"s, "in.dat is xz data"},
      {"7z\xbc\xaf\x27\x1c\0"s, "in.dat is a 7-Zip archive"},
  };
  for (const Case& c : cases) {
    for (const std::size_t chunk : kChunks) {
      const std::string error = decode(c.head, chunk).error;
      CHECK(error.substr(0, error.find('\n')) == c.message);
      CHECK(error.find("\n  ") != std::string::npos);
    }
  }
  CHECK(decode("BZh9 is where I live").error.empty());
  CHECK(decode("PK").bytes == "PK");
}

TEST_CASE("input: compressed twice is an error, not thousands of rejects") {
  CHECK(decode(gzip(zstd("abc"))).error ==
        "in.dat is compressed twice: in its gzip data there is zstd data\n  Decompress it once first.");
  CHECK(decode(gzip(gzip("abc"))).error ==
        "in.dat is compressed twice: in its gzip data there is gzip data\n  Decompress it once first.");
}

TEST_CASE("input: an error of the input below comes after all bytes that came before it") {
  const auto read = [](const std::string& bytes) {
    return read_all(decode_input("in.dat", std::make_unique<FailingSource>(bytes)));
  };
  const std::string text = sample(20'000);
  CHECK(read(text).bytes == text);
  CHECK(read(text).error == "the disk is gone");
  CHECK(read(gzip(text)).bytes == text);
  CHECK(read(gzip(text)).error == "the disk is gone");
  CHECK(read(utf16(u"abc", true)).bytes == "abc");
  CHECK(read(utf16(u"abc", true)).error == "the disk is gone");
  CHECK(read("").error == "the disk is gone");
}

// --- files -----------------------------------------------------------------------------------------------------------

TEST_CASE("input: a file, its name and its size") {
  const Folder folder;
  const std::string packed = gzip("Id\n1\n");
  const std::string path = folder.file("tickets", packed);  // told by content: the name says nothing
  auto input = open_input(path);
  REQUIRE(input.ok());
  CHECK(input->name == path);
  CHECK(input->size == packed.size());
  CHECK(input->compression == "gzip");
  CHECK(drain(*input->bytes).bytes == "Id\n1\n");
  CHECK(open_input(folder.file("empty", ""))->size == 0);
}

TEST_CASE("input: what cannot be opened is said with path, reason and cure") {
  const Folder folder;
  const auto error = [](const std::string& path) { return read_all(open_input(path)).error; };
  const std::string missing = folder / "nothing.csv";
  CHECK(error(missing) == "there is no file " + missing + "\n  Check the spelling of the path.");
  CHECK(error("") == "there is no file \"\"\n  Check the spelling of the path.");
  const std::string below = folder.file("a.csv", "Id\n") + "/b.csv";
  CHECK(error(below) ==
        "there is no file " + below + ": a part of the path is not a folder\n" + "  Check the spelling of the path.");
  const std::string dir = folder / ".";
  CHECK(error(dir) == dir + " is a folder\n  Name the files in it, for instance '" + dir + "/*.csv'.");
  CHECK(error("/") == "/ is a folder\n  Name the files in it, for instance '/*.csv'.");
  CHECK(error("a\0b"s) == "the path a\\x00b has a NUL byte in it\n  Check the path.");
  CHECK(error("a\x1b]0;b\n") == "there is no file a\\x1b]0;b\\x0a\n  Check the spelling of the path.");
}

TEST_CASE("input: a file that may not be read") {
  const Folder folder;
  const std::string path = folder.file("private.csv", "Id\n");
  REQUIRE(::chmod(path.c_str(), 0) == 0);
  const OrdinaryUser ordinary;
  const std::string error = read_all(open_input(path)).error;
  CHECK(error == path +
                     " may not be read: Permission denied\n"
                     "  Let somebody who owns it give you the right to read it and to enter its folders.");
}

TEST_CASE("input: a file that is deleted while it is read is read to its end") {
  const Folder folder;
  const std::string text = sample(500'000);
  const std::string path = folder.file("a.csv", text);
  auto input = open_input(path);
  REQUIRE(input.ok());
  fs::remove(path);
  CHECK(drain(*input->bytes).bytes == text);
}

TEST_CASE("input: a file that is cut while it is read is an error") {
  const Folder folder;
  const std::string path = folder.file("a.csv", sample(500'000));
  auto input = open_input(path);
  REQUIRE(input.ok());
  std::string some(1000, '\0');
  REQUIRE(input->bytes->read(some.data(), some.size()).ok());
  fs::resize_file(path, 100'000);
  const Outcome got = drain(*input->bytes);
  CHECK(got.error == path +
                         " became shorter while it was read: 100000 of 500000 bytes are left\n"
                         "  Let the program that writes it finish, then try again.");
}

TEST_CASE("input: a file that grows while it is read ends where it ends") {
  const Folder folder;
  const std::string text = sample(1'000);
  const std::string path = folder.file("a.csv", text);
  auto input = open_input(path);
  REQUIRE(input.ok());
  std::ofstream(path, std::ios::app) << "7\n";
  CHECK(drain(*input->bytes).bytes == text + "7\n");
}

TEST_CASE("input: a descriptor is not inherited by children") {
  const Folder folder;
  const int next = ::dup(STDERR_FILENO);  // the number the next open() will get
  ::close(next);
  auto input = open_input(folder.file("a.csv", "Id\n"));
  REQUIRE(input.ok());
  CHECK((::fcntl(next, F_GETFD) & FD_CLOEXEC) != 0);
}

// --- standard input --------------------------------------------------------------------------------------------------

TEST_CASE("input: standard input is a pipe: short reads, interruptions, no size") {
  struct sigaction interrupt {
  }, before{};
  interrupt.sa_handler = [](int) {};  // and no SA_RESTART: read() returns EINTR
  REQUIRE(::sigaction(SIGUSR1, &interrupt, &before) == 0);
  for (const bool blocking : {true, false}) {
    CAPTURE(blocking);
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    if (!blocking) REQUIRE(::fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
    const std::string packed = gzip(sample(3'000), 0);
    std::thread writer([&, reader = ::pthread_self()] {
      for (std::size_t at = 0; at < packed.size(); at += 500) {
        std::this_thread::sleep_for(std::chrono::milliseconds(3));
        ::pthread_kill(reader, SIGUSR1);
        const std::string piece = packed.substr(at, 500);
        CHECK(::write(ends[1], piece.data(), piece.size()) == static_cast<ssize_t>(piece.size()));
      }
      ::close(ends[1]);
    });
    {
      const AsStandardInput pipe(ends[0]);
      auto input = open_input("-");
      REQUIRE(input.ok());
      CHECK(input->name == "-");
      CHECK(input->size == 0);
      CHECK(drain(*input->bytes).bytes == sample(3'000));
    }
    writer.join();
    ::close(ends[0]);
  }
  ::sigaction(SIGUSR1, &before, nullptr);
}

TEST_CASE("input: a wait for a silent pipe is given up when nobody wants it any more") {
  const Folder folder;
  const std::string path = folder / "pipe";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  const auto begun = std::chrono::steady_clock::now();
  const auto after_a_while = [&] { return std::chrono::steady_clock::now() - begun > std::chrono::milliseconds(100); };
  CHECK(read_all(open_input(path, after_a_while)).error == "interrupted while waiting for " + path);  // nobody has opened it

  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  REQUIRE(::write(ends[1], "Id\n1\n", 5) == 5);
  {
    const AsStandardInput pipe(ends[0]);
    bool wanted = true;
    auto input = open_input("-", [&] { return !std::exchange(wanted, false); });
    REQUIRE(input.ok());
    const Outcome outcome = drain(*input->bytes);
    CHECK(outcome.bytes == "Id\n1\n");  // what came before
    CHECK(outcome.error == "interrupted while waiting for standard input");
  }
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_CASE("input: a FIFO that is opened before somebody writes to it") {
  const Folder folder;
  const std::string path = folder / "pipe";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  std::thread writer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(120));
    std::ofstream(path) << "Id\n7\n";
  });
  CHECK(read_all(open_input(path)).bytes == "Id\n7\n");
  writer.join();
}

TEST_CASE("input: a file does not wait, so nobody is asked") {
  const Folder folder;
  int asked = 0;
  CHECK(read_all(open_input(folder.file("a.csv", "Id\n7\n"), [&] { return ++asked != 0; })).bytes == "Id\n7\n");
  CHECK(asked == 0);
}

TEST_CASE("input: standard input that is a file, a folder, or closed") {
  const Folder folder;
  const int file = ::open(folder.file("a.csv", "Id\n7\n").c_str(), O_RDONLY | O_CLOEXEC);
  {
    const AsStandardInput redirected(file);
    auto input = open_input("-");
    REQUIRE(input.ok());
    CHECK(input->size == 5);
    CHECK(drain(*input->bytes).bytes == "Id\n7\n");
    input->bytes.reset();
    CHECK(::fcntl(STDIN_FILENO, F_GETFD) >= 0);  // not ours to close
  }
  ::close(file);
  const int dir = ::open((folder / ".").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  {
    const AsStandardInput redirected(dir);
    CHECK(read_all(open_input("-")).error == "standard input is a folder\n  Redirect a file: crosswalk translate … - < FILE");
  }
  ::close(dir);
  {
    const AsStandardInput closed(-1);
    CHECK(read_all(open_input("-")).error ==
          "standard input cannot be opened: Bad file descriptor\n  Check the path and what it leads to.");
  }
}

// --- PeekSource ------------------------------------------------------------------------------------------------------

TEST_CASE("input: peeking shows the start and consumes nothing") {
  const std::string text = sample(1'000);
  for (const std::size_t chunk : kChunks) {
    CAPTURE(chunk);
    PeekSource source(memory_source(text, chunk));
    CHECK(*source.peek(0) == "");
    CHECK(*source.peek(3) == text.substr(0, 3));
    CHECK(*source.peek(100) == text.substr(0, 100));
    CHECK(*source.peek(10) == text.substr(0, 10));
    CHECK(drain(source, 7).bytes == text);

    PeekSource whole(memory_source(text, chunk));
    CHECK(*whole.peek(5'000) == text);
    CHECK(*whole.peek(6'000) == text);
    CHECK(drain(whole).bytes == text);

    PeekSource unseen(memory_source(text, chunk));
    CHECK(drain(unseen).bytes == text);
  }
}

TEST_CASE("input: peeking past an error shows what came before it") {
  PeekSource source(std::make_unique<FailingSource>("abc"));
  CHECK(*source.peek(10) == "abc");
  const Outcome got = drain(source);
  CHECK(got.bytes == "abc");
  CHECK(got.error == "the disk is gone");
  PeekSource nothing(std::make_unique<FailingSource>(""));
  CHECK(nothing.peek(10).error().message == "the disk is gone");
}

// --- members of zip archives -----------------------------------------------------------------------------------------

TEST_CASE("input: a member of an archive, plain or compressed once more") {
  const Folder folder;
  const std::string path =
      folder.file("export.zip", zip_of({{"a/t.csv", "Id\n1\n"}, {"t.gz", gzip("Id\n2\n")}, {"u.csv", utf16(u"Id", true)}}));
  auto input = open_input(path + "!a/t.csv");
  REQUIRE(input.ok());
  CHECK(input->name == path + "!a/t.csv");
  CHECK(input->compression == "zip");
  CHECK(read_all(std::move(input)).bytes == "Id\n1\n");
  CHECK(read_all(open_input(path + "!t.gz")).bytes == "Id\n2\n");
  CHECK(read_all(open_input(path + "!u.csv")).bytes == "Id");
  CHECK(read_all(open_input(path + "!t.csv")).error == path +
                                                           " has no member t.csv\n  unzip -l lists what is inside; patterns are "
                                                           "allowed: 'FILE.zip!*.csv'");
  CHECK(file_of(path + "!a/t.csv") == path);
  CHECK(file_of(path) == path);
  CHECK(file_of("-") == "-");
}

TEST_CASE("input: a file whose name has a '!' comes before the member of an archive") {
  const Folder folder;
  folder.file("a.zip", zip_of({{"t.csv", "member"}}));
  const std::string path = folder.file("a.zip!t.csv", "file");
  CHECK(read_all(open_input(path)).bytes == "file");
  CHECK_FALSE(member_path(path));
  CHECK(member_path(folder / "none.zip!t.csv") == std::nullopt);
}

TEST_CASE("input: an archive of more members than are held is refused before they are") {
  const Folder folder;
  const std::string whole = zip_of({{"t.csv", "Id\n"}});
  const std::string cure = "\n  Unpack it, and give the files that were inside: 'FOLDER/*.csv'";
  const auto error = [&](const std::string& bytes) { return read_all(open_input(folder.file("a.zip", bytes) + "!t.csv")).error; };
  std::string large = whole;
  large.replace(large.size() - 10, 4, "\0\0\0\5"s);  // bytes of the directory
  CHECK(error(large) ==
        (folder / "a.zip") + " has a directory of more than 64 MiB; an archive of more than 250000 is not read" + cure);
  // The count of zip64, which the usual record says to look at.
  const std::string end = whole.substr(whole.size() - 22);
  std::string record = "PK\6\6"s + std::string(52, '\0');
  record.replace(32, 4, "\xE0\x93\x04\0"s);  // 300,000
  std::string locator = "PK\6\7"s + std::string(16, '\0');
  const std::size_t at = whole.size() - 22;
  REQUIRE(at < 256);
  locator[8] = static_cast<char>(at);
  CHECK(error(whole.substr(0, at) + record + locator + end) ==
        (folder / "a.zip") + " has 300000 members; an archive of more than 250000 is not read" + cure);
}

TEST_CASE("input: members of one open archive are read at the same time") {
  const Folder folder;
  const std::string a = sample(300'000), b = sample(200'000) + "b";
  const std::string path = folder.file("export.zip", zip_of({{"a", a}, {"b", b}}));
  Archives archives;
  auto first = open_input(path + "!a", {}, &archives);
  auto second = open_input(path + "!b", {}, &archives);
  REQUIRE(first.ok());
  REQUIRE(second.ok());
  std::string got_a, got_b, buffer(1000, '\0');
  for (bool more = true; more;) {
    more = false;
    for (auto [input, got] : {std::pair(&*first, &got_a), std::pair(&*second, &got_b)}) {
      const auto count = input->bytes->read(buffer.data(), buffer.size());
      REQUIRE(count.ok());
      got->append(buffer, 0, *count);
      more |= *count != 0;
    }
  }
  CHECK(got_a == a);
  CHECK(got_b == b);
}

TEST_CASE("input: whatever byte of an archive is changed, or lost behind its end, its members are right or an error") {
  const Folder folder;
  const std::string text = sample(300), whole = zip_of({{"t.csv", text}});
  const auto right_or_error = [&](const std::string& bytes) {
    const Outcome got = read_all(open_input(folder.file("export.zip", bytes) + "!t.csv"));
    return !got.error.empty() || got.bytes == text;
  };
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string changed = whole;
    changed[i] = static_cast<char>(changed[i] ^ 0x15);
    CAPTURE(i);
    CHECK(right_or_error(changed));
    CHECK(right_or_error(whole.substr(0, i)));
  }
}

// --- globs -----------------------------------------------------------------------------------------------------------

TEST_CASE("input: a glob gives its files sorted by bytes") {
  const Folder folder;
  std::vector<std::string> wanted;
  for (const char* name : {"B.csv", "_.csv", "a.csv", "a1.csv", "z.csv", "é.csv"}) { wanted.push_back(folder.file(name, "")); }
  folder.file("a.txt", "");
  folder.file(".hidden.csv", "");
  std::sort(wanted.begin(), wanted.end());
  const auto paths = expand_glob(folder / "*.csv");
  REQUIRE(paths.ok());
  CHECK(*paths == wanted);
  CHECK(*expand_glob(folder / "[a]?.csv") == std::vector{folder / "a1.csv"});
}

TEST_CASE("input: a plain path stands for itself, there or not") {
  const Folder folder;
  CHECK(*expand_glob("-") == std::vector{"-"s});
  CHECK(*expand_glob(folder / "nothing.csv") == std::vector{folder / "nothing.csv"});
  const std::string bracketed = folder.file("export [1].csv", "");
  CHECK(*expand_glob(bracketed) == std::vector{bracketed});
}

TEST_CASE("input: a glob that matches nothing, or cannot look, is an error") {
  const Folder folder;
  const std::string pattern = folder / "*.csv";
  CHECK(expand_glob(pattern).error().text() ==
        "no file matches " + pattern + "\n  Check the pattern and the folder that it starts from.");
  CHECK_FALSE(expand_glob(folder / "no/such/folder/*.csv").ok());

  fs::create_directory(folder / "closed");
  folder.file("closed/a.csv", "");
  fs::permissions(folder / ".", fs::perms::all);
  fs::permissions(folder / "closed", fs::perms::none);
  const OrdinaryUser ordinary;
  const auto closed = expand_glob(folder / "*/*.csv");
  REQUIRE_FALSE(closed.ok());
  CHECK(closed.error().text() == "the files of " + (folder / "*/*.csv") + " cannot be listed: " + (folder / "closed") +
                                     ": Permission denied\n"
                                     "  Let somebody who owns the folder give you the right to read it.");
}
