#include "encode/json_text.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "arena.hpp"
#include "crosswalk/time.hpp"
#include "encode/conversation_json.hpp"
#include "encode/reject_json.hpp"
#include "normalize/decimal.hpp"

using namespace crosswalk;
using namespace std::string_literals;
using Json = nlohmann::json;

namespace {

std::string encoded(std::string_view text) {
  Buffer out;
  add_json_string(out, text);
  return std::string(out.view());
}

/// The same, byte by byte and with no care for speed.
std::string model(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    switch (byte) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (byte < 0x20) {
          out += "\\u00";
          out += "0123456789abcdef"[byte >> 4];
          out += "0123456789abcdef"[byte & 15];
        } else {
          out += c;
        }
    }
  }
  return out + "\"";
}

std::string compact(std::string_view json) {
  Buffer out;
  add_json_compact(out, json);
  return std::string(out.view());
}

std::string decimal(Decimal d) {
  Buffer out;
  add_decimal(out, d);
  return std::string(out.view());
}

std::string time_text(Instant at) {
  Buffer out;
  add_time(out, at);
  return std::string(out.view());
}

/// The same, whether or not something stands behind the texts.
std::string fields(const Conversation& c) {
  Buffer out, of_padded;
  add_conversation_fields(out, c);
  Conversation padded = c;
  Arena texts;
  for (std::string_view* text :
       {&padded.external_id, &padded.queue_id, &padded.assigned_agent_id, &padded.customer_id, &padded.subject, &padded.status}) {
    const std::size_t size = text->size();
    *text = texts.keep(std::string(*text) + std::string(kTextSlack, '"')).substr(0, size);
  }
  add_conversation_fields(of_padded, padded, Texts::padded);
  CHECK(of_padded.view() == out.view());
  MetadataWriter metadata(out);
  metadata.close();
  return std::string(out.view());
}

}  // namespace

TEST_CASE("json text: every byte below 0x20, the quote and the backslash are escaped, nothing else is") {
  for (int byte = 0; byte < 0x80; ++byte) {
    const std::string text(1, static_cast<char>(byte));
    CAPTURE(byte);
    CHECK(encoded(text) == model(text));
    CHECK(Json::parse(encoded(text)).get<std::string>() == text);
  }
  CHECK(encoded("") == "\"\"");
  CHECK(encoded("\x1f") == "\"\\u001f\"");
  CHECK(encoded("\0"s) == "\"\\u0000\"");
  CHECK(encoded("/\x7f") == "\"/\x7f\"");
  CHECK(encoded("Zürich 😀") == "\"Zürich 😀\"");
}

TEST_CASE("json text: one byte to escape at every place of a text of every length up to 70") {
  for (const char special : {'"', '\\', '\n', '\x01', '\x1f', '\0', ' ', '\x7f'}) {
    for (std::size_t size = 1; size <= 70; ++size) {
      for (std::size_t at = 0; at < size; ++at) {
        std::string text(size, 'a');
        text[at] = special;
        REQUIRE(encoded(text) == model(text));
      }
    }
  }
}

TEST_CASE("json text: nothing but bytes to escape, in every length up to 70") {
  for (const char special : {'"', '\x02', 'x', '\xC3'}) {
    for (std::size_t size = 0; size <= 70; ++size) {
      const std::string text(size, special);
      CHECK(encoded(text) == model(text));
    }
  }
}

TEST_CASE("json text: random bytes, behind other text in a buffer that grows") {
  std::mt19937 random(20260314);
  for (int round = 0; round < 3000; ++round) {
    std::string text(random() % 71, '\0');
    for (char& c : text) {
      const auto kind = random() % 6;
      c = kind == 0 ? static_cast<char>(random() % 0x20) : kind == 1 ? "\"\\"[random() % 2] : static_cast<char>(random() % 256);
    }
    Buffer out;
    const std::string before(4080 + random() % 32, '.');  // around the first size of a buffer
    out.add(before);
    add_json_string(out, text);
    add_json_string(out, text);
    REQUIRE(std::string(out.view()) == before + model(text) + model(text));
  }
}

TEST_CASE("json text: keys and texts of every length, with room for all of it and with less") {
  const std::string behind(std::max(kKeySlack, kTextSlack), '"');
  for (const char special : {'a', '"', '\x01'}) {
    for (const std::size_t key_size : {0U, 1U, 31U, 32U, 33U, 63U, 64U, 65U, 200U}) {
      for (std::size_t size = 0; size <= 70; ++size) {
        const std::string key = std::string(key_size, 'k') + behind;
        std::string text(size, 'a');
        if (size != 0) text[key_size % size] = text[size - 1] = special;
        const std::string padded = text + behind;
        for (const std::size_t before : {0U, 4000U, 4095U}) {
          Buffer out;
          out.add(std::string(before, '.'));
          add_padded_member(out, std::string_view(key).substr(0, key_size), std::string_view(padded).substr(0, size));
          REQUIRE(out.view() == std::string(before, '.') + std::string(key_size, 'k') + model(text));
        }
      }
    }
  }
}

TEST_CASE("json text: a view that ends in the middle of other text is not read beyond its end") {
  const std::string whole = "abcdefghijklmnopqrstuvwxyz\"\\\n0123456789";
  for (std::size_t from = 0; from <= whole.size(); ++from) {
    for (std::size_t size = 0; from + size <= whole.size(); ++size) {
      const std::string_view part = std::string_view(whole).substr(from, size);
      REQUIRE(encoded(part) == model(part));
    }
  }
}

TEST_CASE("json text: white space between the tokens of raw JSON goes, inside its strings it stays") {
  CHECK(compact("") == "");
  CHECK(compact(" \t\r\n") == "");
  CHECK(compact("[]") == "[]");
  CHECK(compact(" [ 1 , 2\n,\r\n\t3 ] ") == "[1,2,3]");
  CHECK(compact(R"( { "a b" : "c  d" , "e" : [ true , null ] } )") == R"({"a b":"c  d","e":[true,null]})");
  CHECK(compact(R"([ "a \" b" , "\\" , "\\\" " ])") == R"(["a \" b","\\","\\\" "])");
  CHECK(compact(R"(["\u0020\n \t"])") == R"(["\u0020\n \t"])");
  CHECK(compact("[1.50 , -0 , 1e400 , 12345678901234567890 ]") == "[1.50,-0,1e400,12345678901234567890]");
  CHECK(compact("[ \"Zürich\xC2\xA0\" ]") == "[\"Zürich\xC2\xA0\"]");
}

TEST_CASE("json text: compact raw JSON means the same and is one line") {
  std::mt19937 random(11);
  // Values of all kinds, nested at random, written with white space wherever it may stand.
  const std::string blanks[] = {"", "", " ", "\n", "\t \r\n"};
  const auto blank = [&] { return blanks[random() % 5]; };
  const auto text = [&] {
    std::string s;
    for (auto n = random() % 8; n > 0; --n) s += "a \"\\\n\t,:[]{}é"[random() % 12];
    return Json(s).dump(-1, ' ', false, Json::error_handler_t::replace);
  };
  const auto value = [&](const auto& self, int depth) -> std::string {
    std::string s = blank();
    const auto kind = random() % (depth > 3 ? 4 : 6);
    if (kind == 0) s += text();
    if (kind == 1) s += "-12.50e+3";
    if (kind == 2) s += "null";
    if (kind == 3) s += "true";
    if (kind == 4) {
      s += "[";
      for (auto n = random() % 4, i = n - n; i < n; ++i) s += (i ? "," : "") + self(self, depth + 1);
      s += blank() + "]";
    }
    if (kind == 5) {
      s += "{";
      for (auto n = random() % 4, i = n - n; i < n; ++i)
        s += (i ? "," : "") + blank() + text() + blank() + ":" + self(self, depth + 1);
      s += blank() + "}";
    }
    return s + blank();
  };
  for (int round = 0; round < 1000; ++round) {
    const std::string json = value(value, 0);
    const std::string short_form = compact(json);
    CAPTURE(json);
    REQUIRE(Json::parse(short_form) == Json::parse(json));
    REQUIRE(short_form.find('\n') == std::string::npos);
    REQUIRE(compact(short_form) == short_form);
  }
}

TEST_CASE("json text: decimals are plain, without trailing zeros and without an exponent") {
  CHECK(decimal({0, 0}) == "0");
  CHECK(decimal({0, 18}) == "0");
  CHECK(decimal({720, 0}) == "720");
  CHECK(decimal({7200, 1}) == "720");
  CHECK(decimal({125, 1}) == "12.5");
  CHECK(decimal({1, 1}) == "0.1");
  CHECK(decimal({-5, 1}) == "-0.5");
  CHECK(decimal({-5, 0}) == "-5");
  CHECK(decimal({1, 18}) == "0.000000000000000001");
  CHECK(decimal({100'000, 18}) == "0.0000000000001");
  CHECK(decimal({123'456, 3}) == "123.456");
  CHECK(decimal({100'005, 3}) == "100.005");
  CHECK(decimal({INT64_MAX, 0}) == "9223372036854775807");
  CHECK(decimal({INT64_MIN, 0}) == "-9223372036854775808");
  CHECK(decimal({INT64_MAX, 18}) == "9.223372036854775807");
  CHECK(decimal({INT64_MIN, 18}) == "-9.223372036854775808");
}

TEST_CASE("json text: whole numbers of every length") {
  std::mt19937_64 random(5);
  for (std::int64_t number = 0; number < 20'000; ++number) REQUIRE(decimal({number, 0}) == std::to_string(number));
  for (std::int64_t power = 1; power < 1'000'000'000'000; power *= 10) {
    for (const std::int64_t number : {power - 1, power, power + 1, 5 * power, static_cast<std::int64_t>(random()) % power}) {
      REQUIRE(decimal({number, 0}) == std::to_string(number));
    }
  }
}

TEST_CASE("json text: a decimal read is written as it was, for random digits and scales") {
  std::mt19937_64 random(3);
  for (int round = 0; round < 5000; ++round) {
    auto digits = static_cast<std::int64_t>(random() % 1'000'000'000'000'000'000) / (random() % 2 ? 1 : 1'000'000'000);
    if (digits % 10 == 0) ++digits;
    if (random() % 2) digits = -digits;
    const Decimal d{digits, static_cast<std::uint8_t>(random() % 19)};
    const std::string text = decimal(d);
    CAPTURE(text);
    REQUIRE(parse_decimal(text).has_value());
    REQUIRE(*parse_decimal(text) == d);
  }
}

TEST_CASE("json text: numbers") {
  for (const std::uint64_t n : {std::uint64_t{0}, std::uint64_t{9}, std::uint64_t{10}, UINT64_MAX}) {
    Buffer out;
    add_number(out, n);
    CHECK(out.view() == std::to_string(n));
  }
}

TEST_CASE("json text: times are RFC 3339 in UTC, quoted") {
  CHECK(time_text({0, 0}) == "\"1970-01-01T00:00:00Z\"");
  CHECK(time_text({-1, 999'999'999}) == "\"1969-12-31T23:59:59.999999999Z\"");
  CHECK(time_text({1'730'611'800, 500'000'000}) == "\"2024-11-03T05:30:00.5Z\"");
  CHECK(time_text({1'730'611'800, 1'000}) == "\"2024-11-03T05:30:00.000001Z\"");
  CHECK(time_text({253'402'300'799, 999'999'999}) == "\"9999-12-31T23:59:59.999999999Z\"");
}

TEST_CASE("conversation: the schema's keys in the schema's order, only those that are known") {
  Conversation c;
  c.external_id = "7\"7";
  c.channel = Channel::back_office;
  CHECK(fields(c) == "{\"external_id\":\"7\\\"7\",\"channel\":\"back_office\"}\n");
  c.platform = "p";
  c.queue_id = "q";
  c.assigned_agent_id = "a";
  c.customer_id = "c";
  c.subject = "s\n";
  c.status = "open";
  c.started_at = Instant{0, 0};
  c.ended_at = Instant{60, 0};
  c.handle_time = Decimal{15, 1};
  c.wait_time = Decimal{0, 0};
  c.first_response_time = Decimal{3, 0};
  c.resolved = false;
  c.csat_score = Decimal{45, 1};
  CHECK(
      fields(c) ==
      "{\"external_id\":\"7\\\"7\",\"platform\":\"p\",\"channel\":\"back_office\",\"queue_id\":\"q\",\"assigned_agent_id\":\"a\","
      "\"customer_id\":\"c\",\"subject\":\"s\\n\",\"status\":\"open\",\"started_at\":\"1970-01-01T00:00:00Z\","
      "\"ended_at\":\"1970-01-01T00:01:00Z\",\"handle_time_seconds\":1.5,\"wait_time_seconds\":0,\"first_response_time_seconds\":"
      "3,"
      "\"resolved\":false,\"csat_score\":4.5}\n");
  c.resolved = true;
  CHECK(Json::parse(fields(c)).at("resolved") == true);
}

TEST_CASE("conversation: every channel by its name") {
  Conversation c;
  c.external_id = "1";
  for (const auto& [channel, name] : {std::pair{Channel::phone, "phone"},
                                      {Channel::email, "email"},
                                      {Channel::chat, "chat"},
                                      {Channel::sms, "sms"},
                                      {Channel::social, "social"},
                                      {Channel::back_office, "back_office"}}) {
    c.channel = channel;
    CHECK(Json::parse(fields(c)).at("channel") == name);
    CHECK(channel_of(name) == channel);
  }
  for (const std::string_view other : {"", "none", "Phone", "back office", "mail"}) CHECK(channel_of(other) == Channel::none);
}

TEST_CASE("conversation: metadata opens with its first entry and closes with the record") {
  Buffer out;
  out.add("{\"external_id\":\"1\"");
  MetadataWriter metadata(out);
  metadata.key("\"a\":");
  out.add("1");
  metadata.key("\"b\":");
  out.add("2");
  metadata.close();
  CHECK(out.view() == "{\"external_id\":\"1\",\"metadata\":{\"a\":1,\"b\":2}}\n");
}

TEST_CASE("conversation: times that were not unique are marked, with the zone data's version") {
  const auto marks = [](std::optional<Instant> started, Known started_how, std::optional<Instant> ended, Known ended_how) {
    Conversation c;
    c.started_at = started;
    c.ended_at = ended;
    c.started_how = started_how;
    c.ended_how = ended_how;
    Buffer out;
    out.add("{\"x\":1");
    MetadataWriter metadata(out);
    add_time_marks(metadata, out, c, "2026\"a");
    metadata.close();
    return std::string(out.view());
  };
  const Instant at{0, 0};
  CHECK(marks(at, Known::offset, at, Known::unique) == "{\"x\":1}\n");
  CHECK(marks(std::nullopt, Known::skipped_later, std::nullopt, Known::repeated_earlier) == "{\"x\":1}\n");
  CHECK(marks(at, Known::repeated_earlier, at, Known::unique) ==
        "{\"x\":1,\"metadata\":{\"crosswalk\":{\"times\":{\"started_at\":\"repeated:earlier\"},\"zone_data\":\"2026\\\"a\"}}}\n");
  CHECK(marks(at, Known::offset, at, Known::skipped_later) ==
        "{\"x\":1,\"metadata\":{\"crosswalk\":{\"times\":{\"ended_at\":\"skipped:later\"},\"zone_data\":\"2026\\\"a\"}}}\n");
  CHECK(marks(at, Known::skipped_earlier, at, Known::repeated_later) ==
        "{\"x\":1,\"metadata\":{\"crosswalk\":{\"times\":{\"started_at\":\"skipped:earlier\",\"ended_at\":\"repeated:later\"},"
        "\"zone_data\":\"2026\\\"a\"}}}\n");
}

TEST_CASE("reject: a line with all its keys") {
  Buffer out;
  add_reject(out, {"src", "dir/a \"b\".csv", 7, 99, "bad_time", "Created at", "nev\ner", "why", "how", "1,nev\ner,\xFF", 10});
  CHECK(out.view() ==
        "{\"source\":\"src\",\"file\":\"dir/a \\\"b\\\".csv\",\"line\":7,\"offset\":99,\"code\":\"bad_time\",\"field\":\"Created "
        "at\","
        "\"found\":\"nev\\ner\",\"message\":\"why\",\"cure\":\"how\",\"record\":\"1,nev\\ner,\xEF\xBF\xBD\","
        "\"record_base64\":\"MSxuZXYKZXIs/w==\"}\n");
}

TEST_CASE("reject: a long record is cut between characters, and its true length said") {
  const auto record_of = [](const std::string& record, std::uint64_t size) {
    Buffer out;
    add_reject(out, {"s", "f", 1, 0, "c", "", "", "", "", record, size});
    return Json::parse(out.view());
  };
  const Json exact = record_of(std::string(kRejectText, 'x'), kRejectText);
  CHECK(exact.at("record").get<std::string>() == std::string(kRejectText, 'x'));
  CHECK_FALSE(exact.contains("record_size"));

  const Json longer = record_of(std::string(kRejectText + 1, 'x'), kRejectText + 1);
  CHECK(longer.at("record_size") == kRejectText + 1);
  CHECK(longer.at("record").get<std::string>().starts_with(std::string(kRejectText, 'x')));

  // What framing cut already.
  CHECK(record_of("short", 5'000'000).at("record_size") == 5'000'000);

  // A character of two bytes over the border is left out, not halved.
  std::string umlauts(1, 'x');
  while (umlauts.size() < kRejectText + 10) umlauts += "ü";
  const auto cut = record_of(umlauts, umlauts.size()).at("record").get<std::string>();
  CHECK(cut.find("\xEF\xBF\xBD") == std::string::npos);
}

TEST_CASE("reject: a record that grows by its replacements is cut, and its true length said") {
  const std::string binary(kRejectText / 2, '\xFF');  // three bytes for each
  Buffer out;
  add_reject(out, {"s", "f", 1, 0, "c", "", "", "", "", binary, binary.size()});
  const Json line = Json::parse(out.view());
  const auto kept = line.at("record").get<std::string>();
  if (kept.size() < binary.size() * 3) CHECK(line.value("record_size", 0U) == binary.size());
  CHECK(kept.size() <= kRejectText + 8);
}
