#include "pipeline/source.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

using namespace crosswalk;
using Settings = std::map<std::string, std::string, std::less<>>;
using Metadata = SourceConfig::Metadata;

namespace {

class FakeAdapter final : public Adapter {
 public:
  explicit FakeAdapter(AdapterInfo info) : info_(std::move(info)) {}
  [[nodiscard]] const AdapterInfo& info() const override { return info_; }
  [[nodiscard]] Result<std::unique_ptr<Translator>> open(Setup&) const override { return Error{}; }

 private:
  AdapterInfo info_;
};

AdapterInfo plain() {
  AdapterInfo info;
  info.id = "fake";
  info.version = "1";
  info.framings = {Framing::csv};
  info.platform = "fake-platform";
  info.options = {{"hours", Option::Type::choice, "calendar", {"calendar", "business"}, ""},
                  {"good", Option::Type::number, "5", {}, ""},
                  {"strict", Option::Type::boolean, "true", {}, ""},
                  {"column", Option::Type::text, "", {}, ""}};
  return info;
}

AdapterInfo with(RecordRole role) {
  AdapterInfo info = plain();
  info.role = role;
  return info;
}

Result<SourceConfig> make(Settings settings, AdapterInfo info = plain(), std::string zone = {}) {
  TranslateOptions options;
  options.settings = std::move(settings);
  options.time_zone = std::move(zone);
  return make_source(options, std::make_shared<FakeAdapter>(std::move(info)), {"a", "b"});
}

std::string error_of(const Result<SourceConfig>& made) {
  if (made) return "no error";
  return made.error().text();
}

/// The error of one setting; every one is a mistake of usage.
std::string refused(const std::string& name, const std::string& value, AdapterInfo info = plain()) {
  const auto made = make({{name, value}}, std::move(info));
  if (made) return "no error";
  CHECK(made.error().code == Errc::usage);
  return made.error().text();
}

}  // namespace

TEST_CASE("source: what it is without a setting") {
  const auto made = make({});
  REQUIRE(made.ok());
  CHECK(made->name == "fake");
  CHECK(made->platform == "fake-platform");
  CHECK(made->default_channel == "");
  CHECK(made->words.empty());
  CHECK(made->placeholders);
  CHECK_FALSE(made->decimal_ids);
  CHECK(made->metadata == Metadata::all);
  CHECK_FALSE(made->include_bodies);
  CHECK_FALSE(made->reject_bad_values);
  CHECK_FALSE(made->fold);
  CHECK(made->limits.max_record == Limits().max_record);
  CHECK(made->limits.max_fields == Limits().max_fields);
  CHECK(made->limits.max_depth == Limits().max_depth);
  CHECK(made->delimiter == 0);
  CHECK(made->records_at == "");
  CHECK(made->time_zone_column == "");
  CHECK(made->zone == nullptr);
  REQUIRE(made->utc != nullptr);
  CHECK(name_of(*made->utc) == "UTC");
  CHECK(made->zone_name == "");
  CHECK(made->time_format.form() == TimeFormat::Form::iso);
  CHECK_FALSE(made->time_format_given);
  CHECK(made->evidence == nullptr);
  CHECK(made->inputs == std::vector<std::string>{"a", "b"});
  CHECK(made->settings.at("hours") == "calendar");
  CHECK(made->settings.at("good") == "5");
  CHECK(made->settings.at("max_depth") == "128");
}

TEST_CASE("source: the defaults of the common settings are settings that pass") {
  for (const Option& option : common_settings()) {
    if (option.fallback.empty()) continue;
    CAPTURE(option.name);
    CHECK(make({{option.name, option.fallback}}).ok());
  }
}

TEST_CASE("source: columns under other names") {
  AdapterInfo info = plain();
  info.columns = {{"started_at", "created at"}, {"status", "status"}};
  const auto made = make({{"field.created at", "Erstellt am"}, {"field.status", "Stand"}, {"field.a.b", "x.y"}}, info);
  REQUIRE(made.ok());
  REQUIRE(made->fields.size() == 3);
  CHECK(made->fields[1].name == "created at");
  CHECK(made->fields[1].column == "Erstellt am");
  CHECK(made->settings.count("field.<name>") == 0);
  CHECK(refused("field.started_at", "x", info) ==
        "setting field.started_at: started_at is a field of the result; name the column that the adapter asks for\n"
        "  --set \"field.created at=<column>\"");
  CHECK(refused("field.ended_at", "x", info) ==
        "setting field.ended_at: ended_at is a field of the result; name the column that the adapter asks for\n"
        "  adapter fake asks for created at for started_at, status for status");
  CHECK(refused("field.created at", " \xC2\xA0", info) ==
        "setting field.created at: no column is named\n  --set \"field.created at=<column>\"");
  CHECK(refused("field.", "x", info).starts_with("adapter fake has no setting \"field.\""));
  CHECK(error_of(make({{"field.Created\xC2\xA0\x61t", "a"}, {"field.created at", "b"}}, info)).find("name one field") !=
        std::string::npos);
  CHECK(error_of(make({{"field.x", "a"}, {"field.y", "A "}}, info)) ==
        "the settings field.x and field.y name one column, \"A \"\n  leave out one of them");
}

TEST_CASE("source: the settings of CSV") {
  const auto made = make({{"header_row", "3"}, {"quotes", "backslash"}, {"short_rows", "accept"}, {"max_lines_in_field", "100"}});
  REQUIRE(made.ok());
  const CsvOptions options = made->csv_options();
  CHECK(options.header_row == 3);
  CHECK(options.quotes == CsvQuotes::backslash);
  CHECK(options.short_rows);
  CHECK(options.max_lines_in_field == 100);
  CHECK(make({{"quotes", "none"}})->quotes == CsvQuotes::none);
  CHECK(refused("header_row", "0").starts_with("setting header_row: \"0\" is not a whole number from 1"));
  CHECK(refused("max_lines_in_field", "few") == "setting max_lines_in_field: \"few\" is not a number");
  CHECK(refused("quotes", "single").starts_with("setting quotes: \"single\" is none of its values"));
}

TEST_CASE("source: its name, the adapter's unless it is given") {
  TranslateOptions options;
  options.source_name = "tickets-us";
  const auto made = make_source(options, std::make_shared<FakeAdapter>(plain()), {});
  REQUIRE(made.ok());
  CHECK(made->name == "tickets-us");
}

TEST_CASE("source: an unknown setting, with the nearest name") {
  CHECK(refused("metdata", "all") == "adapter fake has no setting \"metdata\"\n  did you mean \"metadata\"?");
  CHECK(refused("hour", "business") == "adapter fake has no setting \"hour\"\n  did you mean \"hours\"?");
  CHECK(
      refused("quite-other", "1") ==
      "adapter fake has no setting \"quite-other\"\n"
      "  it has: platform, default_channel, channel.<word>, status.<word>, resolved.<word>, placeholders, decimal_ids, deleted, "
      "metadata, include_bodies, on_bad_value, fold, time_format, decimal, time_zone_column, "
      "records_at, field.<name>, delimiter, header_row, quotes, short_rows, max_lines_in_field, max_record, max_fields, "
      "max_depth, hours, good, strict, column");
  CHECK(refused("channel.", "email").starts_with("adapter fake has no setting \"channel.\"\n"));
  CHECK(refused("", "x").starts_with("adapter fake has no setting \"\"\n"));
}

TEST_CASE("source: the types of an adapter's settings") {
  CHECK(refused("hours", "night") == "setting hours: \"night\" is none of its values\n  one of: calendar, business");
  CHECK(refused("hours", "") == "setting hours: \"\" is none of its values\n  one of: calendar, business");
  CHECK(refused("strict", "yes") == "setting strict: \"yes\" is neither true nor false");
  CHECK(refused("strict", "TRUE") == "setting strict: \"TRUE\" is neither true nor false");
  CHECK(refused("good", "five") == "setting good: \"five\" is not a number");
  CHECK(refused("good", "5x") == "setting good: \"5x\" is not a number");
  CHECK(refused("good", "") == "setting good: \"\" is not a number");
  const auto made = make({{"hours", "business"}, {"strict", "false"}, {"good", "4.5"}, {"column", "Any thing"}});
  REQUIRE(made.ok());
  CHECK(made->settings.at("hours") == "business");
  CHECK(made->settings.at("strict") == "false");
  CHECK(made->settings.at("good") == "4.5");
  CHECK(made->settings.at("column") == "Any thing");
}

TEST_CASE("source: an adapter may narrow a common setting to its own") {
  AdapterInfo info = plain();
  info.options.push_back({"metadata", Option::Type::choice, "none", {"none", "all"}, ""});
  CHECK(make({}, info)->metadata == Metadata::none);
  CHECK(make({{"metadata", "all"}}, info)->metadata == Metadata::all);
  CHECK(refused("metadata", "mapped", info) == "setting metadata: \"mapped\" is none of its values\n  one of: none, all");
}

TEST_CASE("source: platform and channel") {
  CHECK(make({{"platform", "helpdesk"}})->platform == "helpdesk");
  CHECK(make({{"platform", ""}})->platform == "fake-platform");
  CHECK(make({{"default_channel", "sms"}})->default_channel == "sms");
  AdapterInfo info = plain();
  info.default_channel = "chat";
  CHECK(make({}, info)->default_channel == "chat");
  CHECK(make({{"default_channel", "sms"}}, info)->default_channel == "sms");
  CHECK(refused("default_channel", "mail") ==
        "setting default_channel: \"mail\" is not a channel\n  did you mean \"email\"? one of: phone, email, chat, sms, social, "
        "back_office");
  CHECK(refused("default_channel", "Email") ==
        "setting default_channel: \"Email\" is not a channel\n  did you mean \"email\"? one of: phone, email, chat, sms, social, "
        "back_office");
}

TEST_CASE("source: channel.<word>, status.<word>, resolved.<word>") {
  const auto made = make({{"channel.Closed Ticket", "email"},
                          {"channel.*", "chat"},
                          {"channel.x.y", "back_office"},
                          {"resolved.zu", "true"},
                          {"status.Gelöst", "solved"}});
  REQUIRE(made.ok());
  CHECK(made->words == std::vector<SourceConfig::Word>{{Target::channel, "*", "chat"},
                                                       {Target::channel, "Closed Ticket", "email"},
                                                       {Target::channel, "x.y", "back_office"},
                                                       {Target::resolved, "zu", "true"},
                                                       {Target::status, "Gelöst", "solved"}});
  CHECK(refused("resolved.zu", "yes") == "setting resolved.zu: \"yes\" is neither true nor false");
  CHECK(refused("status.zu", " ") == "setting status.zu: a status is a word");
  CHECK(refused("channel.fax", "Phone") ==
        "setting channel.fax: \"Phone\" is not a channel\n  did you mean \"phone\"? one of: phone, email, chat, sms, social, "
        "back_office");
  CHECK(refused("channel.fax", "") ==
        "setting channel.fax: \"\" is not a channel\n  one of: phone, email, chat, sms, social, back_office");
}

TEST_CASE("source: metadata") {
  CHECK(make({{"metadata", "all"}})->metadata == Metadata::all);
  CHECK(make({{"metadata", "mapped"}})->metadata == Metadata::mapped);
  CHECK(make({{"metadata", "none"}})->metadata == Metadata::none);
  const auto made = make({{"metadata", " Priority , Chat ID,,x "}});
  REQUIRE(made.ok());
  CHECK(made->metadata == Metadata::listed);
  CHECK(made->metadata_names == std::set<std::string, std::less<>>{"Chat ID", "Priority", "x"});
  for (const std::string_view text : {"", ",", " , ,"}) {
    CHECK(refused("metadata", std::string(text)) ==
          "setting metadata: the list is empty\n  all, mapped, none, or field names divided by commas");
  }
}

TEST_CASE("source: bodies and bad values") {
  CHECK(make({{"include_bodies", "true"}})->include_bodies);
  CHECK_FALSE(make({{"include_bodies", "false"}})->include_bodies);
  CHECK(refused("include_bodies", "1") == "setting include_bodies: \"1\" is neither true nor false");
  CHECK(make({{"on_bad_value", "reject"}})->reject_bad_values);
  CHECK_FALSE(make({{"on_bad_value", "drop"}})->reject_bad_values);
  CHECK(refused("on_bad_value", "keep") == "setting on_bad_value: \"keep\" is none of its values\n  one of: drop, reject");
}

TEST_CASE("source: fold") {
  CHECK_FALSE(make({}, with(RecordRole::conversation))->fold);
  CHECK_FALSE(make({{"fold", "true"}}, with(RecordRole::conversation))->fold);
  CHECK(make({}, with(RecordRole::update))->fold);
  CHECK_FALSE(make({{"fold", "false"}}, with(RecordRole::update))->fold);
  CHECK(make({}, with(RecordRole::event))->fold);
  CHECK(refused("fold", "false", with(RecordRole::event)) ==
        "a record of fake is one touchpoint; it is no conversation before it is folded\n  leave out --set fold=false");
  CHECK(refused("fold", "no").starts_with("setting fold: \"no\" is none of its values"));
  using Repeats = SourceConfig::Repeats;
  CHECK(make({}, with(RecordRole::conversation))->repeats == Repeats::newest);
  CHECK(make({{"fold", "auto"}}, with(RecordRole::conversation))->repeats == Repeats::newest);
  CHECK(make({{"fold", "true"}}, with(RecordRole::conversation))->repeats == Repeats::merge);
  CHECK(make({{"fold", "false"}}, with(RecordRole::conversation))->repeats == Repeats::all);
  CHECK(make({{"fold", "auto"}}, with(RecordRole::event))->fold);
}

TEST_CASE("source: limits") {
  const auto made = make({{"max_record", "64"}, {"max_fields", "1"}, {"max_depth", "1024"}});
  REQUIRE(made.ok());
  CHECK(made->limits.max_record == 64);
  CHECK(made->limits.max_fields == 1);
  CHECK(made->limits.max_depth == 1024);
  CHECK(make({{"max_record", "1073741824"}, {"max_fields", "16384"}, {"max_depth", "1"}}).ok());
  CHECK(refused("max_record", "63") == "setting max_record: \"63\" is not a whole number from 64 to 1073741824");
  CHECK(refused("max_record", "1073741825") == "setting max_record: \"1073741825\" is not a whole number from 64 to 1073741824");
  CHECK(refused("max_fields", "0") == "setting max_fields: \"0\" is not a whole number from 1 to 16384");
  CHECK(refused("max_fields", "16385") == "setting max_fields: \"16385\" is not a whole number from 1 to 16384");
  CHECK(refused("max_depth", "0") == "setting max_depth: \"0\" is not a whole number from 1 to 1024");
  CHECK(refused("max_depth", "1025") == "setting max_depth: \"1025\" is not a whole number from 1 to 1024");
  CHECK(refused("max_depth", "1e2") == "setting max_depth: \"1e2\" is not a whole number from 1 to 1024");
  CHECK(refused("max_depth", "12.0") == "setting max_depth: \"12.0\" is not a whole number from 1 to 1024");
  CHECK(refused("max_depth", "-1") == "setting max_depth: \"-1\" is not a whole number from 1 to 1024");
  CHECK(refused("max_depth", "") == "setting max_depth: \"\" is not a number");
  CHECK(refused("max_depth", "18446744073709551617") ==
        "setting max_depth: \"18446744073709551617\" is not a whole number from 1 to 1024");
}

TEST_CASE("source: delimiter and records") {
  CHECK(make({{"delimiter", ";"}})->delimiter == ';');
  CHECK(make({{"delimiter", "tab"}})->delimiter == '\t');
  CHECK(make({{"delimiter", "\\t"}})->delimiter == '\t');
  CHECK(make({{"delimiter", "\t"}})->delimiter == '\t');
  CHECK(make({{"delimiter", ""}})->delimiter == 0);
  for (const std::string_view text : {";;", "\"", "\r", "\n", "§", "comma"}) {
    CHECK(refused("delimiter", std::string(text)) ==
          "setting delimiter: \"" + std::string(text) + "\" is not a delimiter\n  one character, or the word tab");
  }
  CHECK(make({{"records_at", "/result/items"}})->records_at == "/result/items");
  CHECK(refused("records", "/result/items") == "the setting records is called records_at\n  --set records_at=/result/items");
}

TEST_CASE("source: zones") {
  const auto made = make({}, plain(), "Pacific Time (US & Canada)");
  REQUIRE(made.ok());
  REQUIRE(made->zone != nullptr);
  CHECK(made->zone_name == "America/Los_Angeles");
  CHECK(name_of(*made->zone) == "America/Los_Angeles");

  const auto unknown = make({}, plain(), "Europe/Pariss");
  REQUIRE_FALSE(unknown.ok());
  CHECK(unknown.error().code == Errc::usage);
  CHECK(unknown.error().text().find("Europe/Paris") != std::string::npos);

  AdapterInfo needy = plain();
  needy.zone_required = true;
  CHECK(error_of(make({}, needy)) ==
        "fake exports write times without a time zone; which hour they mean would be a guess\n"
        "  --time-zone ZONE: the zone of the account's settings when it was exported, for example "
        "--time-zone \"Pacific Time (US & Canada)\"");
  CHECK(make({}, needy, "UTC").ok());
  const auto column = make({{"time_zone_column", "Zone"}}, needy);
  REQUIRE(column.ok());
  CHECK(column->time_zone_column == "Zone");
  CHECK(column->zone == nullptr);
}

TEST_CASE("source: zone data of its own") {
  TranslateOptions options;
  options.zone_data = (std::filesystem::temp_directory_path() / "there-is-no-such-folder").string();
  const auto made = make_source(options, std::make_shared<FakeAdapter>(plain()), {});
  REQUIRE_FALSE(made.ok());
  CHECK(made.error().message.find("there-is-no-such-folder") != std::string::npos);
}

TEST_CASE("source: a time format that the adapter's documents fix is the default") {
  AdapterInfo info = plain();
  info.time_format = "epoch_ms";
  const auto made = make({}, info);
  REQUIRE(made.ok());
  CHECK(made->time_format.form() == TimeFormat::Form::epoch_ms);
  CHECK(made->time_format_given);
  CHECK(make({{"time_format", "iso"}}, info)->time_format.form() == TimeFormat::Form::iso);
  CHECK_FALSE(make({{"time_format", "auto"}}, info)->time_format_given);
}

TEST_CASE("source: time format and disambiguation") {
  CHECK(make({{"time_format", "day_first"}})->time_format.form() == TimeFormat::Form::day_first);
  CHECK(make({{"time_format", "day_first"}})->time_format_given);
  CHECK(make({{"time_format", "iso"}})->time_format_given);
  CHECK_FALSE(make({{"time_format", "auto"}})->time_format_given);
  const auto pattern = make({{"time_format", "%d.%m.%Y %H:%M"}});
  REQUIRE(pattern.ok());
  CHECK(pattern->time_format.pattern() == "%d.%m.%Y %H:%M");
  CHECK(refused("time_format", "%Q") != "no error");
  CHECK(refused("time_format", "american") != "no error");
  TranslateOptions options;
  options.disambiguation = Disambiguation::reject;
  CHECK(make_source(options, std::make_shared<FakeAdapter>(plain()), {})->disambiguation == Disambiguation::reject);
}

TEST_CASE("source: cures in the words of a job file") {
  CHECK(job_words("--set 'channel.sms text'=<sms>, or --set default_channel=<channel>") ==
        "setting 'channel.sms text'=<sms>, or setting default_channel=<channel>");
  CHECK(job_words("--time-zone ZONE: for example --time-zone \"Berlin\"") ==
        "time_zone = \"ZONE\": for example time_zone = \"Berlin\"");
  CHECK(job_words("say in which zone: --time-zone") == "say in which zone: time_zone");
  CHECK(job_words("say which one with --adapter a or --adapter b") == "say which one with adapter a or adapter b");
  CHECK(job_words("free some space") == "free some space");
}
