// What an isolated adapter's process answers, told to the receiver: right answers as they are, all others as a refusal.
#include "answer.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "door.hpp"
#include "crosswalk/plugin.h"
#include "isolate/protocol.hpp"

using namespace crosswalk;
using isolate::Say;
using isolate::Value;
using isolate::Writer;

namespace {

/// An order with the texts of a record of four fields; the last one is an array.
struct Order {
  std::string bytes = "head 1001|2024-01-02T03:04:05Z|Zoë|[{\"a\":1},{\"a\":2}]|tail";
  std::vector<Field> fields;
  Record record;
  RecordOrder order;
  Order() {
    order = {bytes, 5, bytes.size() - 5};
    std::size_t at = 5;
    for (const Kind kind : {Kind::string, Kind::string, Kind::string, Kind::array}) {
      const std::size_t end = bytes.find('|', at);
      fields.push_back(
          {bytes.data() + at, static_cast<std::uint32_t>(end - at), static_cast<std::uint16_t>(fields.size()), kind});
      at = end + 1;
    }
    record = {fields.data(), fields.size()};
  }
};

/// Writes down what it is told, and holds it to what an adapter in this process would be held to.
class Listener final : public Receiver {
 public:
  std::vector<std::string> told;
  std::size_t stop_after = SIZE_MAX;

  bool set(Target target, How, std::uint32_t rank, const Field& value) override {
    CHECK(target != Target::none);
    return say("set " + std::string(name_of(target)) + " " + std::to_string(rank) + " " + text_of(value));
  }
  bool touchpoint(const TouchpointText& t) override {
    for (const std::string_view part : {t.id, t.at, t.user, t.duration, t.subject, t.type}) CHECK(is_utf8(part));
    return say("touchpoint " + std::string(t.id) + " " + std::string(t.at) + " " + std::string(t.subject) + " " +
               std::string(t.type));
  }
  bool carry(std::string_view name, const Field& value, Form) override {
    CHECK(is_utf8(name));
    return say("carry " + std::string(name) + " " + text_of(value));
  }
  bool drop(const Field& value, std::string_view rule) override {
    CHECK(is_utf8(rule));
    return say("drop " + std::string(rule) + " " + text_of(value));
  }
  bool filter(std::string_view rule) override {
    CHECK(is_utf8(rule));
    say("filter " + std::string(rule));
    return false;
  }
  bool refuse(const Refusal& r) override {
    for (const std::string_view part : {r.code, r.field, r.found, r.message, r.cure}) CHECK(is_utf8(part));
    say("refuse " + std::string(r.code) + ": " + std::string(r.message));
    return false;
  }
  bool remark(const Refusal& r) override {
    for (const std::string_view part : {r.code, r.field, r.found, r.message, r.cure}) CHECK(is_utf8(part));
    return say("remark " + std::string(r.code) + " " + std::string(r.found));
  }
  bool walk(const Field& array, std::string_view prefix, const std::function<bool(const Record&)>& element) override {
    CHECK(is_utf8(prefix));
    say("walk " + std::string(prefix) + " " + text_of(array));
    static const std::string kNumbers = "12";
    for (std::size_t i = 0; i < kNumbers.size(); ++i) {
      const Field field{kNumbers.data() + i, 1, 7, Kind::number};
      if (!element(Record{&field, 1})) return false;
    }
    return true;
  }

 private:
  bool say(std::string what) {
    told.push_back(std::move(what));
    return told.size() < stop_after;
  }
  static std::string text_of(const Field& value) {
    CHECK(value.kind <= Kind::object);
    CHECK(is_utf8(value.view()));
    return std::string(value.view());
  }
};

class Words {
 public:
  Words& say(Say what) { return put(what); }
  template <class T>
  Words& put(T value) {
    writer_.put(value);
    return *this;
  }
  Words& numbers(std::initializer_list<std::uint32_t> all) {
    for (const std::uint32_t n : all) put(n);
    return *this;
  }
  Words& text(std::string_view made) {
    writer_.text(made);
    return *this;
  }
  Words& there(std::uint32_t offset, std::uint32_t size) { return numbers({size | isolate::kInOrder, offset}); }
  Words& field(std::uint32_t index, Value in = Value::of_record) { return put(in).numbers({index}); }
  Words& part(std::uint32_t index, std::uint8_t kind, std::uint32_t offset, std::uint32_t size) {
    return field(index, Value::part_of_record).put(kind).numbers({offset, size});
  }
  Words& made(std::uint8_t kind) { return put(Value::made).put(kind); }
  [[nodiscard]] std::string_view bytes() const { return {memory_.data(), writer_.size()}; }

 private:
  std::string memory_ = std::string(4096, '\0');
  Writer writer_{memory_.data(), memory_.size()};
};

Words good_answer() {
  Words w;
  w.say(Say::set).numbers({1, 0, 0}).field(0);
  w.say(Say::set).numbers({9, 0, 3}).field(1);
  w.say(Say::carry).numbers({0}).text("name").part(2, CW_STRING, 0, 2);
  w.say(Say::carry).numbers({0}).text("list").made(CW_ARRAY).text("[1]");
  w.say(Say::walk).numbers({3}).text("m[]");
  w.say(Say::element)
      .say(Say::touchpoint)
      .numbers({1, 1, 1})
      .text("row 1")
      .there(10, 20)
      .text("")
      .text("")
      .there(31, 4)
      .numbers({0})
      .text("sms");
  w.say(Say::element).say(Say::carry).numbers({0}).text("a").field(0, Value::of_element);
  w.say(Say::walked);
  w.say(Say::remark).text("odd").text("b").text("2").text("why").text("cure");
  w.say(Say::drop).text("by rule").field(2);
  w.say(Say::end);
  return w;
}

std::vector<std::string> told(const Words& words, std::size_t stop_after = SIZE_MAX) {
  const Order order;
  Listener listener;
  listener.stop_after = stop_after;
  CHECK_FALSE(tell_answer(words.bytes(), order.order, order.record, listener).has_value());
  return listener.told;
}

const std::string kNotUnderstood = "refuse adapter_failed: its process answered something that cannot be understood";

}  // namespace

TEST_CASE("an answer is told as the adapter said it") {
  CHECK(told(good_answer()) == std::vector<std::string>{"set external_id 0 1001", "set started_at 3 2024-01-02T03:04:05Z",
                                                        "carry name Zo", "carry list [1]", "walk m[] [{\"a\":1},{\"a\":2}]",
                                                        "touchpoint row 1 2024-01-02T03:04:05Z Zoë sms", "carry a 2",
                                                        "remark odd 2", "drop by rule Zoë"});
}

TEST_CASE("nothing is told once no more is wanted") {
  for (std::size_t n = 1; n < 9; ++n) {
    const auto some = told(good_answer(), n);
    CAPTURE(n);
    CHECK(some.size() == (n == 5 ? 6 : n));  // what walk() returns comes behind its elements
  }
}

TEST_CASE("an array is asked for") {
  const Order order;
  Listener listener;
  const Words words = Words().say(Say::wants).numbers({3}).text("m[]");
  const auto array = tell_answer(words.bytes(), order.order, order.record, listener);
  REQUIRE(array.has_value());
  CHECK(array->field == 3);
  CHECK(array->prefix == "m[]");
  CHECK(listener.told.empty());
}

TEST_CASE("what breaks the rules is a refusal") {
  const auto set = [](auto&& more) {
    Words w;
    w.say(Say::set).numbers({1, 0, 0});
    more(w);
    w.say(Say::end);
    return w;
  };
  const std::string not_utf8 = "refuse adapter_failed: a text that the adapter gave is not UTF-8";
  const std::string not_its_kind = "refuse adapter_failed: a value that the adapter gave is not what its kind says";
  const std::vector<std::pair<Words, std::string>> bad = {
      {set([](Words& w) { w.field(4); }), kNotUnderstood},                     // there are four
      {set([](Words& w) { w.field(0, Value::of_element); }), kNotUnderstood},  // not within an array
      {set([](Words& w) { w.put(Value{9}); }), kNotUnderstood},
      {set([](Words& w) { w.made(CW_STRING).text("\xff"); }), not_utf8},
      {set([](Words& w) { w.made(CW_STRING).text("\xed\xa0\x80"); }), not_utf8},  // a surrogate
      {set([](Words& w) { w.made(CW_STRING).text("\xc0\x80"); }), not_utf8},      // longer than need be
      {set([](Words& w) { w.made(CW_STRING).there(4, 2); }), kNotUnderstood},     // before the record
      {set([](Words& w) { w.made(CW_STRING).there(50, 2000); }), kNotUnderstood},
      {set([](Words& w) { w.made(CW_ARRAY).text("[1"); }), not_its_kind},
      {set([](Words& w) { w.made(7).text("x"); }), not_its_kind},
      {set([](Words& w) { w.part(9, CW_STRING, 0, 1); }), kNotUnderstood},
      {set([](Words& w) { w.part(0, CW_STRING, 0, 5); }), kNotUnderstood},
      {set([](Words& w) { w.part(0, CW_STRING, UINT32_MAX, 2); }), kNotUnderstood},
      {set([](Words& w) { w.part(2, CW_STRING, 2, 1); }), not_utf8},  // half of ë
      {Words().say(Say::walk).numbers({17}).text("m[]").say(Say::walked).say(Say::end), kNotUnderstood},
      {Words().say(Say::walk).numbers({3}).text("m[]").say(Say::end), kNotUnderstood},
      {Words().say(Say::walk).numbers({3}).text("m\xff").say(Say::end), kNotUnderstood},
      {Words().say(Say::wants).numbers({17}).text("m[]"), kNotUnderstood},
      {Words().say(Say::map), kNotUnderstood},
      {Words().put(std::uint8_t{200}), kNotUnderstood},
      {Words(), kNotUnderstood},
      {Words().say(Say::breach).text("it did what it must not"), "refuse adapter_failed: it did what it must not"},
  };
  for (std::size_t i = 0; i < bad.size(); ++i) {
    CAPTURE(i);
    const auto said = told(bad[i].first);
    REQUIRE_FALSE(said.empty());
    CHECK(said.back() == bad[i].second);
  }
}

TEST_CASE("no answer can do harm") {
  const Order order;
  const Words words = good_answer();
  const std::string good(words.bytes());
  std::mt19937 random(20261121);
  for (int i = 0; i < 30'000; ++i) {
    std::string bytes = good;
    for (unsigned n = 1 + random() % 4; n > 0; --n) {
      switch (const std::size_t at = random() % bytes.size(); random() % 5) {
        case 0: bytes[at] = static_cast<char>(random()); break;
        case 1: bytes.resize(at + 1); break;
        case 2: bytes.insert(at, good.substr(random() % good.size())); break;
        case 3: bytes[at] = static_cast<char>(bytes[at] ^ 1 << random() % 8); break;
        default: bytes.erase(at, random() % 9);
      }
      if (bytes.empty()) bytes = good;
    }
    Listener listener;
    if (random() % 4 == 0) listener.stop_after = 1 + random() % 6;
    (void)tell_answer(bytes, order.order, order.record, listener);
  }
}
