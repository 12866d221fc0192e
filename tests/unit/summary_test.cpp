#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "crosswalk/job.hpp"
#include "crosswalk/translate.hpp"

using namespace crosswalk;
using Json = nlohmann::json;

namespace {

Summary small() {
  Summary s;
  s.source = "tickets";
  s.adapter = "fake";
  s.adapter_version = "1.2.3";
  s.read = 10;
  s.translated = 7;
  s.filtered_total = 1;
  s.rejected_total = 2;
  s.written = 4;
  s.merged = 3;
  s.time_zone = "Europe/Paris";
  s.disambiguation = "compatible";
  return s;
}

std::string limit(std::string_view text) {
  const auto parsed = parse_reject_limit(text);
  if (!parsed) return "error";
  if (parsed->count) return "count " + std::to_string(*parsed->count) + (parsed->percent ? " and percent" : "");
  if (parsed->percent) return "percent " + Json(*parsed->percent).dump();
  return "neither";
}

}  // namespace

TEST_CASE("summary: the books balance, on both sides") {
  CHECK(small().balance().ok());
  CHECK(Summary().balance().ok());
}

TEST_CASE("summary: a record that is nowhere is said, with the sum") {
  Summary s = small();
  ++s.read;
  const auto result = s.balance();
  REQUIRE_FALSE(result.ok());
  CHECK(result.error().code == Errc::internal);
  CHECK(result.error().text() ==
        "the books do not balance: read 11 is not translated 7 + filtered 1 + rejected 2\n"
        "  this is a defect of the program; please report it with the input");
  for (std::uint64_t Summary::*const count : {&Summary::translated, &Summary::filtered_total, &Summary::rejected_total}) {
    Summary other = small();
    ++(other.*count);
    CHECK_FALSE(other.balance().ok());
  }
}

TEST_CASE("summary: a conversation that is nowhere is said, with the sum") {
  Summary s = small();
  --s.written;
  const auto result = s.balance();
  REQUIRE_FALSE(result.ok());
  CHECK(result.error().code == Errc::internal);
  CHECK(result.error().message ==
        "the books do not balance: translated 7 is not written 3 + merged 3 + superseded 0 + updates 0");
  Summary more = small();
  ++more.merged;
  CHECK_FALSE(more.balance().ok());
}

TEST_CASE("summary: a value of a field that is nowhere is said, whichever count lacks it") {
  Summary s = small();
  s.fields["Subject"] = {5, 6, 7, {{"metadata=none", 8}}, 28, 1, 3};
  CHECK(s.balance().ok());
  for (std::uint64_t FieldUse::*const count :
       {&FieldUse::mapped, &FieldUse::carried, &FieldUse::empty, &FieldUse::read, &FieldUse::repeated, &FieldUse::with_record}) {
    Summary other = s;
    --(other.fields.at("Subject").*count);
    const auto result = other.balance();
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().code == Errc::internal);
    CHECK(Json::parse(other.json()).at("sources").at(0).at("balanced") == false);
  }
  s.fields.at("Subject").dropped.clear();
  CHECK(s.balance().error().message ==
        "the books do not balance: of the field \"Subject\", read 28 + repeated 1 is not mapped 5 + carried 6 + empty 7 + with "
        "its record 3 + dropped 0");
}

TEST_CASE("summary: json() has the whole account") {
  Summary s = small();
  s.inputs = {"a.csv", "b.csv"};
  s.filtered = {{"draft", 1}};
  s.rejected = {{"bad_time", 2}};
  s.touchpoints = 5;
  s.repeated_touchpoints = 1;
  s.repeated_ids = 6;
  s.ids_compared = 7;
  s.duplicate_keys = 8;
  s.leap_seconds = 9;
  s.bytes_read = 1000;
  s.bytes_written = 2000;
  s.times["started_at"] = {1, 2, 3, 0, 0, 4};
  s.bad_values["csat_score"]["out_of_range"] = {3, "out_of_range", "7", "too much", "less", "a.csv", 0, 12, 345};
  s.bad_values["csat_score"]["bad_score"] = {1, "bad_score", "fine", "no score", "", "", 0, 0, 0};
  s.words["channel"] = {{"Mail", {4, "email"}}, {"fax", {1, ""}}};
  s.fields["Subject"] = {5, 6, 7, {{"metadata=none", 8}}, 28, 1, 3};
  s.fields["never met"] = {};
  s.notes = {"column 3 has no name"};
  s.time_format = "day_first";
  s.evidence_decided = 11;
  s.evidence_abstained = 12;
  s.version = "0.1.0";
  s.zone_data_version = "2026a";
  s.seconds = 2;
  s.peak_memory = 123;
  s.jobs = 4;
  const std::string text = s.json();
  CHECK(text.back() == '\n');
  const Json json = Json::parse(text);
  const Json& source = json.at("sources").at(0);
  CHECK(source == Json::parse(R"({
    "name": "tickets", "adapter": "fake", "inputs": ["a.csv", "b.csv"], "time_zone": "Europe/Paris", "disambiguation": "compatible",
    "read": 10, "translated": 7, "touchpoints": 5, "repeated_touchpoints": 1, "deleted_touchpoints": 0, "merged": 3, "superseded": 0, "updates": 0, "unchanged": 0, "filtered": 1,
    "rejected": 2, "balanced": true, "filtered_by_rule": {"draft": 1}, "rejected_by_code": {"bad_time": 2}, "repeated_ids": 6, "repeated_backwards": 0, "deleted_since": 0,
    "ids_compared": 7, "duplicate_keys": 8, "leap_seconds": 9,
    "times": {"started_at": {"offset": 1, "unique": 2, "repeated:earlier": 3, "skipped:earlier": 4}},
    "time_format": "day_first", "evidence": {"decided": 11, "abstained": 12},
    "bad_values": {"csat_score": {"count": 4, "reasons": [
      {"code": "bad_score", "count": 1, "found": "fine", "message": "no score", "cure": ""},
      {"code": "out_of_range", "count": 3, "found": "7", "message": "too much", "cure": "less", "file": "a.csv", "line": 12, "offset": 345}]}},
    "findings": {},
    "words": {"channel": [{"word": "Mail", "count": 4, "became": "email"}, {"word": "fax", "count": 1, "became": null}]},
    "fields": {"Subject": {"read": 28, "with_record": 3, "repeated": 1, "mapped": 5, "carried": 6, "empty": 7, "dropped": {"metadata=none": 8}}},
    "notes": ["column 3 has no name"], "bytes_read": 1000})"));
  CHECK(json.at("sinks") == Json::parse(R"([{"written": 4, "bytes": 2000}])"));
  CHECK(json.at("records_per_second") == 5.0);
  CHECK(json.at("peak_memory_bytes") == 123);
  CHECK(json.at("jobs") == 4);
  CHECK(json.at("versions") == Json::parse(R"({"crosswalk": "0.1.0", "fake": "1.2.3", "zone_data": "2026a"})"));

  s.read = 11;
  CHECK(Json::parse(s.json()).at("sources").at(0).at("balanced") == false);
}

TEST_CASE("summary: json() of nothing is JSON") {
  const Json json = Json::parse(Summary().json());
  CHECK(json.at("sources").at(0).at("read") == 0);
  CHECK(json.at("records_per_second") == 0.0);
}

TEST_CASE("summary: json() stays JSON whatever bytes names and words have") {
  Summary s = small();
  const std::string odd = std::string("a\xFF\"\\\n\0é", 9);
  s.source = s.adapter = odd;
  s.inputs = {odd};
  s.filtered[odd] = 1;
  s.rejected[odd] = 1;
  s.fields[odd].carried = 1;
  s.fields[odd].dropped[odd] = 1;
  s.words[odd][odd] = {1, odd};
  s.bad_values[odd][odd] = {1, odd, odd, odd, odd, odd, 0, 1, 0};
  s.times[odd] = {1, 0, 0, 0, 0, 0};
  s.notes = {odd};
  const Json json = Json::parse(s.json());
  CHECK(json.at("sources").at(0).at("notes").size() == 1);
  CHECK(json.at("sources").at(0).at("fields").size() == 1);
}

TEST_CASE("summary: json() lists 500 fields and words and says how many more there are") {
  Summary s = small();
  for (int i = 0; i < 700; ++i) {
    const std::string name = "f" + std::to_string(1000 + i);
    s.fields[name].carried = 1;
    s.words["channel"][name].count = 1;
  }
  const Json source = Json::parse(s.json()).at("sources").at(0);
  CHECK(source.at("fields").size() == 501);
  CHECK(source.at("fields").at("…") == "200 more");
  CHECK(source.at("fields").contains("f1499"));
  CHECK_FALSE(source.at("fields").contains("f1500"));
  CHECK(source.at("words").at("channel").size() == 500);
}

TEST_CASE("summary: text() for a person") {
  Summary s = small();
  CHECK(s.text() ==
        "tickets: 10 read = 7 translated + 1 filtered + 2 rejected\n"
        "  folded     7 records into 4 conversations\n"
        "  rejects    to keep them, with place and text: --rejects FILE\n");
  s.rejects_kept = true;
  s.read = 1'234'567;
  s.merged = 0;
  s.filtered = {{"draft", 1}};
  s.rejected = {{"bad_time", 2}, {"once", 1}};
  s.reject_cures = {{"bad_time", "not a time; write one"}, {"once", "that"}};
  s.words["channel"] = {{"Mail", {4, "email"}}, {"fax", {1'000, ""}}};
  s.words["status"] = {{"odd", {1, ""}}};
  s.bad_values["csat_score"]["out_of_range"] = {3, "out_of_range", "7", "too much", "less", "a.csv", 0, 12, 345};
  s.bad_values["csat_score"]["bad_score"] = {1, "bad_score", "fine", "no score", "", "", 0, 0, 0};
  s.times["started_at"] = {1, 2, 3, 0, 0, 4};
  s.times["ended_at"] = {1, 2, 0, 0, 0, 0};
  s.evidence_decided = 1'200;
  s.evidence_abstained = 34;
  s.repeated_ids = 6;
  s.duplicate_keys = 8;
  s.leap_seconds = 9;
  s.notes = {"column 3 has no name"};
  CHECK(s.text() ==
        "tickets: 1,234,567 read = 7 translated + 1 filtered + 2 rejected\n"
        "  filtered   1 × draft\n"
        "  rejected   2 × bad_time, for example: not a time; write one\n"
        "  rejected   1 × once: that\n"
        "  no rule    channel \"fax\" × 1,000\n"
        "  dropped    1 × csat_score (such as \"fine\"): no score\n"
        "  dropped    3 × csat_score (such as \"7\" in a.csv line 12): too much; less\n"
        "  times      7 of started_at in Europe/Paris by policy \"compatible\": 3 repeated:earlier, 4 skipped:earlier\n"
        "  evidence   1,200 of 1,234 times in repeated hours decided by the records themselves, the others by policy "
        "\"compatible\"\n"
        "  repeated   6 ids came again; each was written as it came, the last one counts at the receiver\n"
        "  duplicate  8 JSON keys stood twice in a record; the last one counted\n"
        "  times      9 leap seconds taken as the following second\n"
        "  note       column 3 has no name\n");
  s.repeated_ids = s.duplicate_keys = s.leap_seconds = 1;
  CHECK(s.text().find("  repeated   1 id came again; each was written as it came, the last one counts at the receiver\n"
                      "  duplicate  1 JSON key stood twice in a record; the last one counted\n"
                      "  times      1 leap second taken as the following second\n") != std::string::npos);
  s.touchpoints = 12;
  s.repeated_touchpoints = 3;
  CHECK(s.text().find("  folded     7 records into 4 conversations, 12 touchpoints (3 of them repeated)\n") != std::string::npos);
}

TEST_CASE("summary: text() shows what data may have put into it and a terminal would obey") {
  Summary s = small();
  s.rejects_kept = true;
  s.notes = {"a\x1B[2Jb\r\u202E"};
  CHECK(s.text().ends_with("  note       a\\u001b[2Jb\\u000d\\u202e\n"));
}

TEST_CASE("summary: text() groups digits by three") {
  for (const auto& [number, shown] : {std::pair<std::uint64_t, const char*>{0, "0 read"},
                                      {999, "999 read"},
                                      {1000, "1,000 read"},
                                      {123'456, "123,456 read"},
                                      {1'000'000, "1,000,000 read"},
                                      {UINT64_MAX, "18,446,744,073,709,551,615 read"}}) {
    Summary s;
    s.read = number;
    CHECK(s.text().find(std::string(": ") + shown) == 0);
  }
}

TEST_CASE("reject limit: a number of records or a percentage") {
  CHECK(limit("0") == "count 0");
  CHECK(limit("12") == "count 12");
  CHECK(limit("1000000000000") == "count 1000000000000");
  CHECK(limit("0%") == "percent 0.0");
  CHECK(limit("2.5%") == "percent 2.5");
  CHECK(limit("100%") == "percent 100.0");
  CHECK(limit(".5%") == "percent 0.5");
  CHECK(limit("1e3") == "count 1000");
}

TEST_CASE("reject limit: anything else is an error that shows it") {
  for (const std::string_view text :
       {"", "%", "-1", "-1%", "1.5", "a", "1a", "1 %", "%5", "5%%", "1,000", "--", "1e", "nan", "101%"}) {
    CAPTURE(text);
    CHECK(limit(text) == "error");
  }
  const auto error = parse_reject_limit("1.5");
  REQUIRE_FALSE(error.ok());
  CHECK(error.error().code == Errc::usage);
  CHECK(error.error().text() ==
        "--max-rejects: \"1.5\" is neither a number of records nor a percentage\n  for example 100 or 0.5%");
}

TEST_CASE("reject limit: what only a C library takes for a number is none, and no limit is beyond all numbers") {
  for (const std::string_view text : {"inf", "infinity", "inf%", "nan%", "NAN(1)%", "0x10", "0x1p3%", " 5", "+5", "1e30",
                                      "18446744073709551616", "100000000000000000000"}) {
    CAPTURE(text);
    CHECK(limit(text) == "error");
  }
}

TEST_CASE("version: as the build says it") {
  CHECK(library_version().find('.') != std::string_view::npos);
  CHECK(library_version().front() >= '0');
  CHECK(library_version().front() <= '9');
}

TEST_CASE("job summary: one and many, grouped; a source says what it did by its role") {
  JobSummary job;
  job.job = "job.toml";
  job.complete = true;
  job.conversations = 12'345;
  job.updates = 1;
  Summary merged;
  merged.source = "a";
  merged.role = "merge";
  merged.read = merged.translated = 12'346;
  merged.written = 12'345;
  merged.merged = 1;
  Summary enriching;
  enriching.source = "b";
  enriching.role = "enrich";
  enriching.read = enriching.translated = enriching.updates = 1;
  job.sources = {merged, enriching, Summary()};
  job.links.rules = {{"a.external_id", "b.external_id", 1, 12'345, 1}};
  job.links.groups = 1;
  job.links.conflicts = 2;
  job.links.examples = {{"a", {"1", "2"}, 3, {"a.external_id = b.external_id"}}};
  job.sinks = {{"jsonl", "-", 12'345, 1, 10}};
  CHECK(job.balance().ok());
  CHECK(job.text() ==
        "a: 12,346 read = 12,346 translated + 0 filtered + 0 rejected\n"
        "  merge      began 12,345 conversations, added 1 record to conversations\n"
        "b: 1 read = 1 translated + 0 filtered + 0 rejected\n"
        "  enrich     made 1 update of conversations that are not in this run\n"
        "job.toml: 12,345 conversations, 1 update\n"
        "  link       a.external_id (1 value) = b.external_id (12,345 values): 1 in both\n"
        "  linked     1 group became one conversation\n"
        "  conflict   2 groups left apart, since each would hold several conversations of one source, for example 1 and 2 of "
        "\"a\", by a.external_id = b.external_id; if that is meant: [merge] several = [\"a\"]\n"
        "  jsonl      12,345 conversations, 1 update to standard output\n");
  CHECK(Json::parse(job.json())["sources"].size() == 2);

  job.complete = false;
  CHECK(job.text().ends_with("job.toml: the run broke off, and no conversation is written\n"));
  const Json json = Json::parse(job.json());
  CHECK(json["merge"].is_null());
  CHECK(json["balanced"].is_null());
  CHECK(json["sinks"].empty());
  CHECK(json["sources"][0]["read"] == 12'346);
  CHECK(json["sources"][0]["merged"].is_null());
}
