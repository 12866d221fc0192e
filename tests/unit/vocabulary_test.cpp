#include "normalize/vocabulary.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <random>
#include <string>

#include "text.hpp"

using namespace crosswalk;

namespace {

std::map<std::string, std::uint64_t> counts(const Vocabulary& vocabulary) {
  std::map<std::string, std::uint64_t> out;
  vocabulary.each([&](const std::string& word, const Vocabulary::Entry& entry) { out[word] = entry.count; });
  return out;
}

std::uint64_t total(const Vocabulary& vocabulary) {
  std::uint64_t sum = 0;
  vocabulary.each([&](const std::string&, const Vocabulary::Entry& entry) { sum += entry.count; });
  return sum;
}

}  // namespace

TEST_CASE("vocabulary: case, blanks, _ and - make no difference") {
  Vocabulary v;
  v.add("Web Form", "email");
  for (const std::string_view spelling :
       {"web form", "WEB FORM", "Web_Form", "web-form", "  Web   Form ", "web\tform", "web_-_form", "web \n form\r\n"}) {
    CAPTURE(spelling);
    const auto& entry = v.look_up(spelling);
    CHECK(entry.known);
    CHECK(entry.meaning == "email");
    CHECK(entry.channel == Channel::email);
  }
  for (const std::string_view other : {"webform", "web forms", "web.form", "web/form", "ẃeb form", "", " "}) {
    CAPTURE(other);
    CHECK_FALSE(v.look_up(other).known);
  }
}

TEST_CASE("vocabulary: folded_word()") {
  CHECK(folded_word("  A_b-C  d\t\n") == "a b c d");
  CHECK(folded_word("___") == " ");
  CHECK(folded_word("") == "");
  CHECK(folded_word(" \t ") == "");
  CHECK(folded_word("ÄRGER") == "ärger");  // the locale has no say
  CHECK(folded_word("ΛΎΣΗ Решено") == "λΎση решено");
  CHECK(folded_word("\u200BSol\u00ADved\u00A0") == "solved");
  CHECK(folded_word("\uFEFFweb\u3000form \u200B") == "web form");
}

TEST_CASE("vocabulary: a later word replaces, a word may be its own spelling of another") {
  Vocabulary v;
  v.add("chat", "email");
  v.add("CHAT", "chat");
  CHECK(v.look_up("Chat").channel == Channel::chat);
  CHECK(v.look_up("Chat").meaning == "chat");
}

TEST_CASE("vocabulary: a meaning that is no channel is kept as a word") {
  Vocabulary v;
  v.add("good", "5");
  CHECK(v.look_up("Good").meaning == "5");
  CHECK(v.look_up("Good").channel == Channel::none);
  CHECK(v.look_up("Good").known);
}

TEST_CASE("vocabulary: what becomes of other words") {
  Vocabulary bad;
  bad.add("x", "y");
  CHECK_FALSE(bad.look_up(" Odd Word ").known);
  CHECK(bad.look_up(" Odd Word ").meaning.empty());

  Vocabulary lowered;
  lowered.set_others(Others::lower);
  CHECK_FALSE(lowered.look_up(" Odd_Word ").known);
  CHECK(lowered.look_up(" Odd_Word ").meaning == "odd_word");
  CHECK(lowered.look_up("EMAIL").channel == Channel::email);

  Vocabulary no;
  no.set_others(Others::no);
  no.add("closed", "true");
  CHECK(no.look_up("Closed").meaning == "true");
  CHECK(no.look_up("open").meaning == "false");
  CHECK_FALSE(no.look_up("open").known);
}

TEST_CASE("vocabulary: absent values match as words do") {
  Vocabulary v;
  v.add_absent("-");
  v.add_absent("Not Offered");
  v.add_absent("1900-01-01 00:00");
  CHECK(v.has_absent());
  for (const char* absent : {"-", " - ", "--", "_", "Not Offered", " not_offered ", "NOT  OFFERED", "1900-01-01 00:00\t"}) {
    CAPTURE(absent);
    CHECK(v.is_absent(absent));
  }
  for (const char* value : {"x", "", "- x", "Offered", "Not Offered.", "NotOffered", "1900-01-01 00:00:00", "1900-01-01 00:0"}) {
    CAPTURE(value);
    CHECK_FALSE(v.is_absent(value));
  }
}

TEST_CASE("vocabulary: absent values are found whatever their first two bytes") {
  for (const char* word : {"NULL", "n", "-", "-1", "<NA>", "#N/A", "\\N", "–", "Öffnung", "Пусто", "a b", "_x"}) {
    for (const char* value :
         {"NULL",  "null",       "Null",       "n_ull",   "nu",   "N",    " n",   "n ",   "\u200bnull", "n\u200bull", "-",
          "--",    "–",          " – ",        "-1",      "_1",   "1",    "<na>", "<Na>", "#n/a",       "\\n",        "\\",
          "A_B",   "a-b",        "ab",         "_X",      "-x",   "- x",  " x",   "x",    "öffnung",    "ÖFFNUNG",    "пусто",
          "ПУСТО", "\u00a0null", "null\u3000", "\u3000–", "a\tb", "a  b", "",     "é"}) {
      Vocabulary v;
      v.add_absent(word);
      CAPTURE(word);
      CAPTURE(value);
      CHECK(v.is_absent(value) == (folded_word(word) == folded_word(value)));
      CHECK(v.is_absent(value) == (folded_word(word) == folded_word(value)));  // as it was met
    }
  }
}

TEST_CASE("vocabulary: what was met before a word was added is judged anew") {
  Vocabulary v;
  v.add_placeholder("null");
  CHECK_FALSE(v.is_absent("nubes"));
  CHECK(v.is_placeholder("Null"));
  v.add_absent("Nubes");
  CHECK(v.is_absent("nubes"));
  CHECK_FALSE(v.is_placeholder("nubes"));
  CHECK(v.is_placeholder("Null"));
}

TEST_CASE("vocabulary: empty() says whether there is anything to ask") {
  Vocabulary v;
  CHECK(v.empty());
  CHECK_FALSE(v.has_absent());
  v.add_absent("-");
  CHECK(v.empty());
  CHECK(v.has_absent());
  v.set_others(Others::lower);
  CHECK_FALSE(v.empty());
  Vocabulary words;
  words.add("a", "b");
  CHECK_FALSE(words.empty());
}

TEST_CASE("vocabulary: every spelling is counted by itself") {
  Vocabulary v;
  v.add("mail", "email");
  for (const std::string_view word : {"mail", "mail", "Mail", "fax", "mail", "fax", "fax", "", ""}) v.look_up(word);
  CHECK(counts(v) == std::map<std::string, std::uint64_t>{{"mail", 3}, {"Mail", 1}, {"fax", 3}, {"", 2}});
  CHECK(v.look_up("mail").count == 4);
}

TEST_CASE("vocabulary: a look-up does not depend on the life of the text it was given") {
  Vocabulary v;
  v.set_others(Others::lower);
  std::string text = "a rather long word that does not fit into a short string";
  v.look_up(text);
  text.assign(text.size(), 'X');  // the same address and length, another word
  CHECK(v.look_up(text).meaning == std::string(text.size(), 'x'));
  CHECK(counts(v).size() == 2);
}

TEST_CASE("vocabulary: beyond a thousand spellings words are understood, counted together, and not kept") {
  Vocabulary v;
  v.add("fax", "phone");
  v.set_others(Others::lower);
  for (std::size_t i = 0; i < Vocabulary::kDistinct; ++i) v.look_up("Word " + std::to_string(i));
  CHECK(counts(v).size() == Vocabulary::kDistinct);
  CHECK(counts(v).count("…") == 0);

  CHECK(v.look_up("FAX").channel == Channel::phone);
  CHECK(v.look_up("FAX").known);
  CHECK(v.look_up("Another").meaning == "another");
  CHECK(v.look_up("Word 7").count == 2);  // one of those kept
  CHECK(counts(v).size() == Vocabulary::kDistinct + 1);
  CHECK(counts(v).at("…") == 3);
  CHECK(counts(v).at("Word 7") == 2);
  CHECK(total(v) == Vocabulary::kDistinct + 4);
}

TEST_CASE("vocabulary: counts add up, whatever comes in whatever order") {
  std::mt19937 random(5);
  Vocabulary v;
  v.add("w1", "email");
  std::map<std::string, std::uint64_t> model;
  std::uint64_t together = 0;
  for (int i = 0; i < 20'000; ++i) {
    const auto n = random() % 8 == 0 ? random() % 5000 : random() % 40;
    const std::string word = "w" + std::to_string(n);
    const bool kept = model.count(word) != 0 || model.size() < Vocabulary::kDistinct;
    if (kept) {
      ++model[word];
    } else {
      ++together;
    }
    CHECK((v.look_up(word).known) == (n == 1));
  }
  REQUIRE(together > 0);
  model["…"] = together;
  CHECK(counts(v) == model);
}

TEST_CASE("vocabulary: a thousand enormous words do not fill the memory") {
  Vocabulary v;
  v.set_others(Others::lower);
  std::string word(200'000, 'a');
  std::size_t kept = 0;
  for (int i = 0; i < 300; ++i) {
    word.replace(0, 8, std::to_string(10'000'000 + i));
    CHECK(v.look_up(word).meaning == word);
  }
  v.each([&](const std::string& text, const Vocabulary::Entry& entry) { kept += text.size() + entry.meaning.size(); });
  CHECK(kept < std::size_t{4} << 20);
  CHECK(total(v) == 300);
}
