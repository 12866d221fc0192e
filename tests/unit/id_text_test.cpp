#include "normalize/id_text.hpp"

#include <doctest/doctest.h>

#include <iterator>
#include <random>
#include <string>

using namespace crosswalk;

namespace {

std::string looked(std::string_view text, bool whole = false) {
  std::string room;
  const IdText id = look_at_id(text, whole, room);
  std::string out(id.text);
  switch (id.damage) {
    case IdDamage::none: break;
    case IdDamage::lost_digits: out = "lost_digits"; break;
    case IdDamage::decimal: out = "decimal"; break;
    case IdDamage::formatted: out = "formatted"; break;
    case IdDamage::grouped: out = "grouped"; break;
    case IdDamage::formula: out = "formula"; break;
    case IdDamage::control: out = "control"; break;
  }
  if (id.trimmed) out += " trimmed";
  if (id.unguarded) out += " unguarded";
  if (id.whole) out += " whole";
  return out;
}

}  // namespace

TEST_CASE("id: what is one as it stands") {
  for (const std::string_view text : {"101",
                                      "000101",
                                      "12345678",
                                      "123456789012345678901234567890",
                                      "conv_1",
                                      "a",
                                      "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
                                      "5f2504e04f8911d39a0c0305",
                                      "1b4e28ba",
                                      "12_3",
                                      "12-3",
                                      "Ann Bee",
                                      "ann@post.example",
                                      "5e2504e0-4f89-11d3-9a0c-0305e82c3301",
                                      "06e123456",
                                      "Zoë",
                                      "Größe",
                                      "Ünal",
                                      "山田",
                                      "12-ë",
                                      "12aë"}) {
    CAPTURE(text);
    CHECK(is_usual_id(text));
    CHECK(looked(text) == text);
  }
  for (const std::string_view text : {"#101", "+49 30 1234567", "-5", "(030) 12 34", "1.2.3", "555 1234", "06 12 34 56", "Zoë",
                                      "'t Hooft", "1234567890123456789e1", "12e4567", "e5", "1e", "2025-03-01"}) {
    CAPTURE(text);
    CHECK(looked(text) == text);
  }
}

TEST_CASE("id: a usual one is never one that needs a look") {
  for (const std::string_view text : {"",
                                      " 101",
                                      "101 ",
                                      "101\u00A0",
                                      "\u200B101",
                                      "10\u00AD1",
                                      "2e3",
                                      "1E5",
                                      "123.0",
                                      "1,234",
                                      "12 345",
                                      "=\"101\"",
                                      "'101",
                                      "=A1",
                                      "1e+05",
                                      "a\u200B",
                                      "12ab\u200B",
                                      "\x1A"
                                      "2",
                                      "2\x1A",
                                      "a\x01"
                                      "b",
                                      "a\x7F",
                                      "conversation-7\b",
                                      "12-abcdefgh\x1F"
                                      "i"}) {
    CAPTURE(text);
    CHECK_FALSE(is_usual_id(text));
  }
}

TEST_CASE("id: what is a usual one stays as it is, whatever it is made of") {
  constexpr std::string_view kParts[] = {"0", "1", "23", "e", "E", "a",  "-", "_",      "+",      ".",
                                         ",", "'", "=",  "@", " ", "\"", "ë", "\u00A0", "\u200B", "\uFEFF"};
  std::mt19937 random(7);
  std::size_t usual = 0;
  for (int i = 0; i < 100'000; ++i) {
    std::string text;
    for (auto parts = random() % 10; parts != 0; --parts) text += kParts[random() % std::size(kParts)];
    if (!is_usual_id(text)) continue;
    ++usual;
    CAPTURE(text);
    CHECK(looked(text) == text);
  }
  CHECK(usual > 1000);
}

TEST_CASE("id: digits are told whatever their number") {
  for (std::size_t size = 0; size < 30; ++size) {
    const std::string digits(size, '7');
    CHECK(all_digits(digits) == (size != 0));
    for (std::size_t at = 0; at < size; ++at) {
      for (const char c : {'/', ':', 'a', ' ', '\0', '\xB7', 'w'}) {
        std::string text = digits;
        text[at] = c;
        CHECK_FALSE(all_digits(text));
      }
    }
  }
}

TEST_CASE("id: blanks and characters that show nothing are no part of it") {
  for (const std::string_view text : {" 101", "101 ", "\t101\r\n", "101\u00A0", "\u200B101", "\uFEFF101", "10\u00AD1",
                                      "\u202A101\u202C", "1\u200D01", "\u3000101\u2003", "\u2060101", "101\u180E"}) {
    CAPTURE(text);
    CHECK(looked(text) == "101 trimmed");
  }
  using namespace std::string_view_literals;
  for (const std::string_view text : {"\x1A"
                                      "101"sv,
                                      "101\0"sv, "101\b"sv,
                                      "\x7F"
                                      "101"sv,
                                      "\u0080"
                                      "101\u009F"sv,
                                      "\0\x1A 101"sv}) {
    CAPTURE(text);
    CHECK(looked(text) == "101 trimmed");
  }
  for (const std::string_view text : {"1\0"
                                      "01"sv,
                                      "a\bc"sv,
                                      "ab\x1A"
                                      "cd"sv,
                                      "ab\u0084"
                                      "cd"sv}) {
    CAPTURE(text);
    CHECK(looked(text).starts_with("control"));
  }
  CHECK(looked("می\u200Cخواهم") == "می\u200Cخواهم");  // Persian needs it
  CHECK(looked(" \u200B ") == " trimmed");
}

TEST_CASE("id: numbers that a program has spoilt") {
  for (const std::string_view text : {"1.03006E+13", "2e3", "1E5", "36e10", "60150001022e3", "1e+05", "1,5e3", "-2e3", "1.e5"}) {
    CAPTURE(text);
    CHECK(looked(text) == "lost_digits");
  }
  for (const std::string_view text : {"123.0", "123.00", "123.", ".5", "1.234", "123,0", "-1.5", "361000000001.0"}) {
    CAPTURE(text);
    CHECK(looked(text) == "decimal");
  }
  for (const std::string_view text :
       {"1,234", "361,000,000,001", "12,34,567", "1'234'567", "1\u2019234", "1,234.0", "1.234.567,5"}) {
    CAPTURE(text);
    CHECK(looked(text) == "formatted");
  }
  for (const std::string_view text : {"12 345", "361 000 000 001", "12\u00A0345", "12\u202F345", "1.234.567"}) {
    CAPTURE(text);
    CHECK(looked(text) == "grouped");
  }
  for (const std::string_view text : {"=HYPERLINK(\"https://x.example/101\",\"101\")", "=A1", "=101", "=\"1\"&\"2\""}) {
    CAPTURE(text);
    CHECK(looked(text) == "formula");
  }
}

TEST_CASE("id: text guards of spreadsheets are taken off") {
  CHECK(looked("=\"101\"") == "101 unguarded");
  CHECK(looked("=\" 000101 \"") == "000101 trimmed unguarded");
  CHECK(looked(" =\"101\"") == "101 trimmed unguarded");
  CHECK(looked("'101") == "101 unguarded");
  CHECK(looked("'101'") == "101 unguarded");
  CHECK(looked("'+49 30 1") == "+49 30 1 unguarded");
  CHECK(looked("=\"2e3\"") == "lost_digits unguarded");
  CHECK(looked("'=A1") == "formula unguarded");
  CHECK(looked("=\"\"") == "formula");
}

TEST_CASE("id: decimal_ids=whole") {
  CHECK(looked("123.0", true) == "123 whole");
  CHECK(looked("000123.00", true) == "000123 whole");
  CHECK(looked("-123.", true) == "-123 whole");
  CHECK(looked("123,0", true) == "123 whole");
  CHECK(looked("123.5", true) == "decimal");
  CHECK(looked("1.000", true) == "decimal");  // or a thousand
  CHECK(looked("9007199254740992.0", true) == "9007199254740992 whole");
  CHECK(looked("9007199254740993.0", true) == "lost_digits whole");
}
