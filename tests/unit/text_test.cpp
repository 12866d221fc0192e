#include "text.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "characters.hpp"
#include "crosswalk/translate.hpp"

using namespace crosswalk;
using namespace std::string_literals;

namespace {

const std::string kNot = "\xEF\xBF\xBD";  // U+FFFD
const std::string kCut = "…";

/// Whether a text is UTF-8, decided by decoding it, code point by code point.
bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto first = static_cast<unsigned char>(text[i]);
    std::size_t more = 0;
    std::uint32_t code = first;
    if (first >= 0x80) {
      if (first >= 0xC0 && first < 0xE0)
        more = 1, code = first & 0x1F;
      else if (first >= 0xE0 && first < 0xF0)
        more = 2, code = first & 0x0F;
      else if (first >= 0xF0 && first < 0xF8)
        more = 3, code = first & 0x07;
      else
        return false;
    }
    if (i + more >= text.size()) return false;
    for (std::size_t k = 1; k <= more; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if ((next & 0xC0) != 0x80) return false;
      code = code << 6 | (next & 0x3F);
    }
    constexpr std::uint32_t kLeast[] = {0, 0x80, 0x800, 0x10000};
    if (code < kLeast[more] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return false;
    i += more + 1;
  }
  return true;
}

}  // namespace

TEST_CASE("shown: good text is as it was") {
  for (const std::string& text :
       {""s, "abc"s, "Zürich"s, "漢字"s, "😀"s, "a\0b"s, "\x7F"s, "\xED\x9F\xBF"s, "\xEE\x80\x80"s, "\xF4\x8F\xBF\xBF"s}) {
    CAPTURE(text);
    CHECK(shown(text) == text);
  }
}

TEST_CASE("shown: bytes that are no UTF-8 are replaced one by one") {
  CHECK(shown("\xFF") == kNot);
  CHECK(shown("a\xFF\xFE"s + "b") == "a" + kNot + kNot + "b");
  CHECK(shown("\x80") == kNot);
  CHECK(shown("\xC0\x80") == kNot + kNot);  // NUL in two bytes
  CHECK(shown("\xC1\xBF") == kNot + kNot);
  CHECK(shown("\xE0\x80\xAF") == kNot + kNot + kNot);  // a slash in three
  CHECK(shown("\xE0\x9F\xBF") == kNot + kNot + kNot);
  CHECK(shown("\xED\xA0\x80") == kNot + kNot + kNot);  // half a surrogate pair
  CHECK(shown("\xED\xBF\xBF") == kNot + kNot + kNot);
  CHECK(shown("\xF0\x8F\xBF\xBF") == kNot + kNot + kNot + kNot);
  CHECK(shown("\xF4\x90\x80\x80") == kNot + kNot + kNot + kNot);
  CHECK(shown("\xF5\x80\x80\x80") == kNot + kNot + kNot + kNot);
  CHECK(shown("\xC3") == kNot);
  CHECK(shown("\xE2\x82") == kNot + kNot);
  CHECK(shown("\xF0\x9F\x98") == kNot + kNot + kNot);
  CHECK(shown("\xC3(") == kNot + "(");
  CHECK(shown("\xE2\x82(") == kNot + kNot + "(");
}

TEST_CASE("shown: a cut falls between characters and is shown") {
  CHECK(shown("abcdef", 6) == "abcdef");
  CHECK(shown("abcdef", 5) == "abcde" + kCut);
  CHECK(shown("abcdef", 0) == kCut);
  CHECK(shown("", 0) == "");
  CHECK(shown("aü", 3) == "aü");
  CHECK(shown("aü", 2) == "a" + kCut);
  CHECK(shown("aüb", 3) == "aü" + kCut);
  CHECK(shown("😀😀", 7) == "😀" + kCut);
  CHECK(shown("😀😀", 8) == "😀😀");
  CHECK(shown("😀", 3) == kCut);
  CHECK(shown(std::string(81, 'x')) == std::string(80, 'x') + kCut);
  CHECK(shown(std::string(80, 'x')) == std::string(80, 'x'));
}

TEST_CASE("shown: on one line") {
  CHECK(in_line("") == "");
  CHECK(in_line("a\nb\n") == "a\\nb\\n");
  CHECK(in_line("abcdef", 5) == "abcde" + kCut);
}

TEST_CASE("shown: random bytes come out as UTF-8, in bounds, and good text is never changed") {
  std::mt19937 random(8);
  const std::vector<std::string> pieces = {"a",        "ü",    "漢",           "😀",  "\xFF", "\xC3", "\xE2\x82",
                                           "\xF0\x9F", "\x80", "\xED\xA0\x80", "\"", "\n",   "\0"s};
  for (int round = 0; round < 5000; ++round) {
    std::string text;
    for (auto n = random() % 20; n > 0; --n) text += pieces[random() % pieces.size()];
    const std::size_t limit = random() % 40;
    const std::string out = shown(text, limit);
    CAPTURE(text);
    CAPTURE(limit);
    REQUIRE(is_utf8(out));
    REQUIRE(out.size() <= limit + kCut.size() + 2);  // a replacement may stand over the border
    REQUIRE((shown(text, 1000) == text) == is_utf8(text));
    if (is_utf8(text)) {
      REQUIRE((text.size() <= limit ? out == text : text.starts_with(out.substr(0, out.size() - kCut.size()))));
    }
  }
}

TEST_CASE("printable: what a terminal would obey becomes visible, everything else stays") {
  for (const std::string& text : {""s, "a b\n\"\\"s, "Zürich 漢字 😀"s, "\xC2\xA0"s, "\xE2\x80\x94"s, "\xE2\x80\x8B"s}) {
    CAPTURE(text);
    CHECK(printable(text) == text);
  }
  CHECK(printable("\x1B[31m") == "\\u001b[31m");
  CHECK(printable("a\0b\r\t\x7F"s) == "a\\u0000b\\u000d\\u0009\\u007f");
  CHECK(printable("\xC2\x80\xC2\x9B\xC2\x9F") == "\\u0080\\u009b\\u009f");
  CHECK(printable("\u061C\u200E\u200F\u2028\u2029\u202A\u202E\u2066\u2069") ==
        "\\u061c\\u200e\\u200f\\u2028\\u2029\\u202a\\u202e\\u2066\\u2069");
  CHECK(printable("\u2027\u202F\u2065\u206A") == "\u2027\u202F\u2065\u206A");
  CHECK(printable("a\xFF\xC3") == "a" + kNot + kNot);
}

TEST_CASE("text: blanks") {
  CHECK(trimmed(" \t\r\na b \t\r\n") == "a b");
  CHECK(trimmed(" \t\r\n") == "");
  CHECK(trimmed("") == "");
  CHECK(trimmed("\xC2\xA0x") == "\xC2\xA0x");
  CHECK(all_blank(""));
  CHECK(all_blank(" \t\r\n"));
  CHECK_FALSE(all_blank(" . "));
  CHECK_FALSE(all_blank("\0"s));
  CHECK(lower("ABCxyzÄ[@`{09") == "abcxyz\xC3\x84[@`{09");
}

TEST_CASE("text: hashes are those of XXH3, the same on every machine and in every version") {
  CHECK(hash64("") == 0x2D06800538D394C2);
  CHECK(hash64("a") != hash64("b"));
  CHECK(hash64("crosswalk") == hash64(std::string("crosswalk")));
  CHECK(hash128("").low == 0x6001C324468D497F);
  CHECK(hash128("").high == 0x99AA06D3014798D8);
  CHECK(hash128("a") != hash128("b"));
}

TEST_CASE("nearest: the name that was meant, or none") {
  const std::vector<std::string> names = {"default_channel", "metadata", "delimiter", "fold", "records", "max_record"};
  CHECK(nearest("metadata", names) == "metadata");
  CHECK(nearest("metdata", names) == "metadata");
  CHECK(nearest("meta_data", names) == "metadata");
  CHECK(nearest("METADATA", names) == "metadata");
  CHECK(nearest("delimeter", names) == "delimiter");
  CHECK(nearest("default_chanel", names) == "default_channel");
  CHECK(nearest("default-channel", names) == "default_channel");
  CHECK(nearest("record", names) == "records");
  CHECK(nearest("flod", names) == "");  // two edits of four letters
  CHECK(nearest("fol", names) == "fold");
  CHECK(nearest("xyz", names) == "");
  CHECK(nearest("", names) == "");
  CHECK(nearest("metadata", {}) == "");
  CHECK(nearest("ab", {"ax", "ay"}) == "ax");  // of equally near ones the first
}

TEST_CASE("characters: what shows nothing is never overlooked") {
  std::size_t hiding = 0;
  for (std::uint32_t code = 0x80; code < 0x110000; ++code) {
    if (code >= 0xD800 && code < 0xE000) continue;
    if (!is_unicode_blank(code) && !is_format_character(code)) continue;
    ++hiding;
    std::string character;
    append_character(character, code);
    for (std::size_t size = 0; size < 20; ++size) {
      for (std::size_t at = 0; at <= size; ++at) {
        const std::string text = std::string(at, 'a') + character + std::string(size - at, 'z');
        if (!may_hide(text) || is_ascii(text)) FAIL_CHECK("U+" << code << " at " << at << " of " << size);
      }
    }
  }
  CHECK(hiding > 100);
  for (const char* text :
       {"", "a", "ab", "abc", "abcd", "abcdefg", "abcdefgh", "abcdefghijklmnop", "ü", "Größe", "Tomás Arriaga"})
    CHECK_FALSE(may_hide(text));
}

TEST_CASE("characters: ASCII is told from the rest whatever the length") {
  for (std::size_t size = 0; size < 40; ++size) {
    CHECK(is_ascii(std::string(size, '\x7F')));
    for (std::size_t at = 0; at < size; ++at) {
      std::string text(size, 'a');
      text[at] = '\x80';
      CHECK_FALSE(is_ascii(text));
    }
  }
}
