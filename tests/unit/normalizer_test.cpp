#include "normalize/normalizer.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "framing/csv.hpp"
#include "framing/json.hpp"
#include "io/input.hpp"
#include "merge/sorter.hpp"
#include "pipeline/source.hpp"

using namespace crosswalk;
using namespace std::string_literals;
using Json = nlohmann::ordered_json;
using Settings = std::map<std::string, std::string, std::less<>>;

namespace {

// ---- an adapter made of functions -----------------------------------------------------------------------------------

/// What translate() is given: the record, its names, and whom to tell.
struct Told {
  const Record& record;
  const std::vector<std::string>& names;
  Receiver& out;

  [[nodiscard]] const Field* field(std::string_view name) const { return find(record, name); }
  [[nodiscard]] const Field* find(const Record& in, std::string_view name) const {
    for (const Field& f : in) {
      if (names[f.id] == name) return &f;
    }
    return nullptr;
  }
};

struct Plan {
  std::function<void(Setup&)> setup;
  std::function<void(std::uint16_t, std::string_view, Binder&)> bind;
  std::function<Result<void>(std::span<const std::string_view>)> refuses;  ///< bind()'s answer
  std::function<void(Told&)> translate;
};

class FakeTranslator final : public Translator {
 public:
  explicit FakeTranslator(const Plan& plan) : plan_(plan) {}
  Result<void> bind(std::uint16_t first, std::span<const std::string_view> names, Binder& binder) override {
    if (names_.size() < first + names.size()) names_.resize(first + names.size());
    for (std::size_t i = 0; i < names.size(); ++i) {
      names_[first + i] = std::string(names[i]);
      if (plan_.bind) plan_.bind(static_cast<std::uint16_t>(first + i), names[i], binder);
    }
    return plan_.refuses ? plan_.refuses(names) : Result<void>();
  }
  [[nodiscard]] bool translates() const override { return plan_.translate != nullptr; }
  void translate(const Record& record, Receiver& receiver) override {
    Told told{record, names_, receiver};
    plan_.translate(told);
  }

 private:
  const Plan& plan_;
  std::vector<std::string> names_;
};

class FakeAdapter final : public Adapter {
 public:
  FakeAdapter(AdapterInfo info, Plan plan) : info_(std::move(info)), plan_(std::move(plan)) {}
  [[nodiscard]] const AdapterInfo& info() const override { return info_; }
  [[nodiscard]] Result<std::unique_ptr<Translator>> open(Setup& setup) const override {
    if (plan_.setup) plan_.setup(setup);
    return std::unique_ptr<Translator>(std::make_unique<FakeTranslator>(plan_));
  }

 private:
  AdapterInfo info_;
  Plan plan_;
};

Field made(std::string_view text, Kind kind = Kind::string) {
  return {text.data(), static_cast<std::uint32_t>(text.size()), 0, kind, Field::kMade};
}

// ---- a source, run ----------------------------------------------------------------------------------------------------

/// Owns everything that a run needs; conversations and contributions of all batches.
class Run {
 public:
  explicit Run(Plan plan, Settings settings = {}, std::string zone = "UTC", RecordRole role = RecordRole::conversation) {
    AdapterInfo info;
    info.id = info.platform = "fake";
    info.framings = {Framing::csv, Framing::json};
    info.role = role;
    TranslateOptions options;
    settings.try_emplace("default_channel", "email");
    settings.try_emplace("time_format", "iso");
    options.settings = std::move(settings);
    options.time_zone = std::move(zone);
    auto made_source =
        make_source(options, std::make_shared<FakeAdapter>(std::move(info), std::move(plan)), {"in.csv", "in-2.csv"});
    if (!made_source) FAIL(made_source.error().text());
    source = std::make_unique<SourceConfig>(std::move(*made_source));
    source->contributes = source->fold;
    normalizer = std::make_unique<Normalizer>(*source);
    REQUIRE(normalizer->open().ok());
  }

  /// The error that refused the input, or nothing.
  std::string csv(std::string text, std::size_t block_size = std::size_t{1} << 20) {
    auto reader = open_csv("in.csv", memory_source(std::move(text)), source->csv_options());
    if (!reader) return reader.error().text();
    if (auto started = normalizer->start_csv(reader->dialect); !started) return started.error().text();
    return go(*reader->splitter, block_size);
  }
  std::string json(std::string text, std::size_t block_size = std::size_t{1} << 20) {
    auto splitter = open_json("in.json", memory_source(std::move(text)), {source->records_at, source->limits});
    if (!splitter) return splitter.error().text();
    if (auto started = normalizer->start_json(); !started) return started.error().text();
    return go(**splitter, block_size);
  }

  [[nodiscard]] Summary books() const {
    Summary s;
    normalizer->account(s);
    for (const auto& batch : batches) enter(batch->books, s);
    for (const auto& [name, use] : s.fields) {
      CAPTURE(name);
      CHECK(use.balances());
    }
    return s;
  }
  /// The lines of the output, each a conversation.
  [[nodiscard]] std::vector<Json> records() const { return parsed(out); }
  [[nodiscard]] std::vector<Json> rejected() const { return parsed(rejects); }
  [[nodiscard]] Json only() const {
    const auto all = records();
    REQUIRE(all.size() == 1);
    return all.front();
  }
  /// The one reject, without where it stands.
  [[nodiscard]] Json only_reject() const {
    const auto all = rejected();
    REQUIRE(all.size() == 1);
    Json r = all.front();
    for (const char* key : {"source", "file", "line", "offset", "record"}) r.erase(key);
    return r;
  }

  /// What the records of a batch said, decoded.
  std::vector<Contribution> contributions(std::size_t batch = 0) {
    std::vector<Contribution> all;
    std::string_view entries = batches[batch]->contributions.view();
    while (!entries.empty()) {
      std::uint32_t key = 0, payload = 0;
      std::memcpy(&key, entries.data(), sizeof key);
      std::memcpy(&payload, entries.data() + sizeof key, sizeof payload);
      all.push_back(decoded.decode(entries.substr(entry::kHead, key), entries.substr(entry::kHead + key, payload)));
      entries.remove_prefix(entry::kHead + key + payload);
    }
    return all;
  }
  std::vector<Touchpoint> touchpoints() {
    std::vector<Touchpoint> all;
    for (const Contribution& c : contributions()) all.insert(all.end(), c.touchpoints.begin(), c.touchpoints.end());
    return all;
  }

  Contributions decoded;
  std::unique_ptr<SourceConfig> source;
  std::unique_ptr<Normalizer> normalizer;
  std::string out, rejects, error;
  std::vector<std::unique_ptr<Batch>> batches;  // kept: contributions borrow from them
  std::uint32_t file = 0;

 private:
  static std::vector<Json> parsed(const std::string& lines) {
    std::vector<Json> all;
    for (std::size_t at = 0; at < lines.size();) {
      const std::size_t end = lines.find('\n', at);
      REQUIRE(end != std::string::npos);
      all.push_back(Json::parse(lines.substr(at, end - at)));
      at = end + 1;
    }
    return all;
  }
  std::string go(Splitter& splitter, std::size_t block_size) {
    Block block;
    for (;;) {
      auto more = splitter.next(block, block_size);
      if (!more) return more.error().text();
      if (!*more) return {};
      batches.push_back(std::make_unique<Batch>());
      normalizer->process(block, file, *batches.back());
      out += batches.back()->out.view();
      rejects += batches.back()->rejects.view();
      if (batches.back()->error) return batches.back()->error->text();
    }
  }
};

/// Binds by name; what is not listed is left to the host.
struct Mapped {
  std::string name;
  Target target;
  How how = How::as_configured;
  std::uint32_t rank = 0;
};
std::function<void(std::uint16_t, std::string_view, Binder&)> maps(std::vector<Mapped> table) {
  return [table = std::move(table)](std::uint16_t id, std::string_view name, Binder& binder) {
    for (const Mapped& m : table) {
      if (m.name == name) binder.map(id, m.target, m.how, m.rank);
    }
  };
}

/// id, at, and every target under its own name.
Plan plain() {
  Plan plan;
  plan.bind = [](std::uint16_t id, std::string_view name, Binder& binder) {
    if (name == "id") binder.map(id, Target::external_id, How::as_configured, 0);
    if (name == "at") binder.map(id, Target::started_at, How::as_configured, 0);
    for (std::size_t t = 2; t < kTargetCount; ++t) {
      const auto target = static_cast<Target>(t);
      if (target != Target::started_at && name_of(target) == name) binder.map(id, target, How::seconds, 0);
    }
  };
  return plan;
}

/// Mapped, carried and dropped, of all fields: each value that was read is one of them.
std::uint64_t accounted(const Summary& s) {
  std::uint64_t sum = 0;
  for (const auto& [name, use] : s.fields) {
    sum += use.mapped + use.carried;
    for (const auto& [rule, count] : use.dropped) sum += count;
  }
  return sum;
}
std::uint64_t carried(const Summary& s) {
  std::uint64_t sum = 0;
  for (const auto& [name, use] : s.fields) sum += use.carried;
  return sum;
}
std::uint64_t empty(const Summary& s) {
  std::uint64_t sum = 0;
  for (const auto& [name, use] : s.fields) sum += use.empty;
  return sum;
}

constexpr const char* kAt = "2024-06-01T10:00:00Z";

/// One CSV record: `names` and `cells` beside id and at.
std::string row(const std::string& names, const std::string& cells) {
  return "id,at," + names + "\n1," + kAt + "," + cells + "\n";
}

}  // namespace

// ---- values -------------------------------------------------------------------------------------------------------------

TEST_CASE("normalizer: a record with everything") {
  Run run(plain(), {}, "America/New_York");
  CHECK(
      run.csv(
          "id,at,platform,queue_id,assigned_agent_id,customer_id,subject,status,ended_at,handle_time_seconds,wait_time_seconds,"
          "first_response_time_seconds,resolved,csat_score,Priority\n"
          "007,2024-06-01 10:00,crm,q 1,a,c,\"Say \"\"hi\"\"\",Open,2024-06-01 11:00:00.5,90,1m 30s,00:00:05,true,4.50,high\n") ==
      "");
  CHECK(run.out ==
        "{\"external_id\":\"007\",\"platform\":\"crm\",\"channel\":\"email\",\"queue_id\":\"q 1\",\"assigned_agent_id\":\"a\","
        "\"customer_id\":\"c\",\"subject\":\"Say \\\"hi\\\"\",\"status\":\"Open\",\"started_at\":\"2024-06-01T14:00:00Z\","
        "\"ended_at\":\"2024-06-01T15:00:00.5Z\",\"handle_time_seconds\":90,\"wait_time_seconds\":90,"
        "\"first_response_time_seconds\":5,\"resolved\":true,\"csat_score\":4.5,\"metadata\":{\"Priority\":\"high\"}}\n");
  const Summary s = run.books();
  CHECK(s.read == 1);
  CHECK(s.translated == 1);
  CHECK(s.times.at("started_at")[static_cast<std::size_t>(Known::unique)] == 1);
  CHECK(run.batches.front()->written == 1);
  CHECK(run.batches.front()->id_hashes.size() == 1);
}

TEST_CASE("normalizer: durations in the unit of their field, whole or not") {
  Plan plan = plain();
  plan.bind = [bind = plan.bind](std::uint16_t id, std::string_view name, Binder& binder) {
    bind(id, name, binder);
    if (name == "minutes") binder.map(id, Target::handle_time, How::minutes, 0);
    if (name == "hours") binder.map(id, Target::wait_time, How::hours, 0);
    if (name == "ms") binder.map(id, Target::first_response_time, How::milliseconds, 0);
  };
  Run run(plan);
  CHECK(run.csv("id,at,minutes,hours,ms\n"
                "1,2024-06-01T10:00:00Z,90,2,1500\n"
                "2,2024-06-01T10:00:00Z,1.5,0.5,2\n"
                "3,2024-06-01T10:00:00Z,999999999999999999,999999999999999999,0\n"
                "4,2024-06-01T10:00:00Z,0012,00:00:07,1234567890123456789\n") == "");
  const auto line = [](const char* id, const char* rest) {
    return std::string("{\"external_id\":\"") + id +
           "\",\"platform\":\"fake\",\"channel\":\"email\",\"started_at\":\"2024-06-01T10:00:00Z\"," + rest + "}\n";
  };
  CHECK(run.out ==
        line("1", "\"handle_time_seconds\":5400,\"wait_time_seconds\":7200,\"first_response_time_seconds\":1.5") +
            line("2", "\"handle_time_seconds\":90,\"wait_time_seconds\":1800,\"first_response_time_seconds\":0.002") +
            line("3",
                 "\"first_response_time_seconds\":0,\"metadata\":{\"minutes\":\"999999999999999999\",\"hours\":"
                 "\"999999999999999999\"}") +
            line("4", "\"handle_time_seconds\":720,\"wait_time_seconds\":7,\"metadata\":{\"ms\":\"1234567890123456789\"}"));
  CHECK(run.books().bad_values.size() == 3);
}

TEST_CASE("normalizer: three kinds of nothing are nothing, for targets and for metadata") {
  Run run(plain());
  CHECK(run.json("{\"id\":\"1\",\"at\":\"2024-06-01T10:00:00Z\",\"subject\":null,\"status\":\"\",\"queue_id\":\" "
                 "\\t\",\"x\":null,\"y\":\"\",\"z\":\"  \","
                 "\"csat_score\":null,\"list\":[ ],\"object\":{}}\n") == "");
  CHECK(
      run.only() ==
      Json::parse("{\"external_id\":\"1\",\"platform\":\"fake\",\"channel\":\"email\",\"started_at\":\"2024-06-01T10:00:00Z\"}"));
  const Summary s = run.books();
  CHECK(empty(s) == 9);
  CHECK(accounted(s) == 2);
  CHECK(s.fields.at("x").empty == 1);
  CHECK(s.bad_values.empty());
}

TEST_CASE("normalizer: JSON values go into metadata as they were written") {
  Run run(plain());
  CHECK(run.json("{\"id\":12345678901234567890,\"at\":\"2024-06-01T10:00:00Z\",\"a\":1e400,\"b\":-0,\"c\":true,\"d\":\"007\","
                 "\"e\":[ 1 , {\"x\" : \" y \"} ],\"f\":{},\"g\":{\"h\":{\"i\":1.50}},\"j k\":\"\\u00fc\\n\"}\n") == "");
  CHECK(run.out ==
        "{\"external_id\":\"12345678901234567890\",\"platform\":\"fake\",\"channel\":\"email\",\"started_at\":\"2024-06-01T10:00:"
        "00Z\","
        "\"metadata\":{\"a\":1e400,\"b\":-0,\"c\":true,\"d\":\"007\",\"e\":[1,{\"x\":\" y \"}],\"g.h.i\":1.50,\"j "
        "k\":\"ü\\n\"}}\n");
}

TEST_CASE("normalizer: words become a list") {
  Plan plan = plain();
  plan.bind = [inner = plan.bind](std::uint16_t id, std::string_view name, Binder& binder) {
    inner(id, name, binder);
    if (name == "tags") binder.carry(id, "Tags", Form::words);
  };
  const auto tags = [&](const std::string& cell) {
    Run run(plan);
    CHECK(run.csv(row("tags", cell)) == "");
    return run.only().at("metadata").at("Tags").dump();
  };
  CHECK(tags("one") == "[\"one\"]");
  CHECK(tags("\" one  two\tthr\"\"ee \"") == "[\"one\",\"two\",\"thr\\\"ee\"]");
  Run run(plan);
  CHECK(run.json("{\"id\":\"1\",\"at\":\"2024-06-01T10:00:00Z\",\"tags\":[\"a b\"]}") == "");
  CHECK(run.only().at("metadata").at("Tags").dump() == "[\"a b\"]");
}

TEST_CASE("normalizer: made-up values are copied, values of the record are booked") {
  Plan plan = plain();
  plan.translate = [](Told& told) {
    std::string text = "made of " + std::to_string(told.record.count) + " fields, long enough not to be short";
    CHECK(told.out.set(Target::subject, How::as_configured, 0, made(text)));
    CHECK(told.out.carry("note", made(text), Form::as_is));
    CHECK(told.out.carry("number", made("7", Kind::number), Form::as_is));
    CHECK(told.out.carry("nothing", made("  "), Form::as_is));
    std::fill(text.begin(), text.end(), '#');
  };
  Run run(plan);
  CHECK(run.csv(row("x", "y")) == "");
  CHECK(run.only().at("subject") == "made of 3 fields, long enough not to be short");
  CHECK(run.only().at("metadata").dump() ==
        "{\"x\":\"y\",\"note\":\"made of 3 fields, long enough not to be short\",\"number\":7}");
  CHECK(accounted(run.books()) == 3);
}

TEST_CASE("normalizer: a source's zone, a record's zone, the documents' UTC") {
  const auto started = [](const char* zone, const char* cell, Settings settings, How how = How::as_configured) {
    Plan plan;
    plan.bind = maps({{"id", Target::external_id}, {"at", Target::started_at, how}});
    Run run(plan, std::move(settings), zone);
    CHECK(run.csv(std::string("id,at,Zone\n1,2024-06-01 10:00,") + cell + "\n") == "");
    return run.out.empty() ? run.only_reject().at("message").get<std::string>() : run.only().at("started_at").get<std::string>();
  };
  CHECK(started("America/New_York", "", {}) == "2024-06-01T14:00:00Z");
  CHECK(started("", "", {}, How::utc) == "2024-06-01T10:00:00Z");
  CHECK(started("America/New_York", "", {}, How::utc) == "2024-06-01T14:00:00Z");  // what the user says goes first
  CHECK(started("", "", {}) == "'2024-06-01 10:00' has no offset from UTC, and no time zone is given");
  CHECK(started("", "Europe/Paris", {{"time_zone_column", "Zone"}}) == "2024-06-01T08:00:00Z");
  CHECK(started("", " zone ", {{"time_zone_column", "other"}}, How::utc) == "2024-06-01T10:00:00Z");
  CHECK(started("America/New_York", "Europe/Paris", {{"time_zone_column", " zone "}}) == "2024-06-01T08:00:00Z");
  CHECK(started("America/New_York", "", {{"time_zone_column", "Zone"}}) == "2024-06-01T14:00:00Z");  // an empty cell
}

TEST_CASE("normalizer: each record has the zone of its own column") {
  Plan plan;
  plan.bind = maps({{"id", Target::external_id}, {"at", Target::started_at}});
  Run run(plan, {{"time_zone_column", "Zone"}}, "UTC");
  CHECK(run.csv("id,at,Zone\n1,2024-06-01 10:00,Europe/Paris\n2,2024-06-01 10:00,America/New_York\n3,2024-06-01 10:00,\n"
                "4,2024-06-01 10:00,Atlantis\n5,2024-06-01 10:00,Europe/Paris\n") == "");
  std::string got;
  for (const Json& record : run.records())
    got += record.at("external_id").get<std::string>() + "=" + record.at("started_at").get<std::string>() + " ";
  CHECK(got == "1=2024-06-01T08:00:00Z 2=2024-06-01T14:00:00Z 3=2024-06-01T10:00:00Z 5=2024-06-01T08:00:00Z ");
  CHECK(run.only_reject().at("code") == "unknown_time_zone");
  CHECK(run.only_reject().at("field") == "Zone");
  CHECK(run.only_reject().at("found") == "Atlantis");
  CHECK(run.records().front().at("metadata").dump() == "{\"Zone\":\"Europe/Paris\"}");  // it is still one of the rest
}

TEST_CASE("normalizer: a record's unknown zone is said the same whether it is met first or again") {
  Run run(plain(), {{"time_zone_column", "tz"}}, "");
  std::string text = "id,at,tz\n";
  for (int i = 0; i < 2500; ++i) {  // more than are remembered, and each twice
    text += fmt::format("{},2024-06-01 10:00,Nowhere {}\n", i, i / 2 % 1100);
    text += fmt::format("{},2024-06-01 10:00,Asia/Tokyo\n", i);
  }
  CHECK(run.csv(text) == "");
  CHECK(run.records().size() == 2500);
  const std::vector<Json> rejected = run.rejected();
  REQUIRE(rejected.size() == 2500);
  for (int i = 0; i < 2500; ++i) {
    CHECK(rejected[static_cast<std::size_t>(i)].at("message") ==
          fmt::format("'Nowhere {}' is not a known time zone", i / 2 % 1100));
  }
}

TEST_CASE("normalizer: a touchpoint has the zone of its own record, not of the one before") {
  Plan plan;
  plan.bind = maps({{"id", Target::external_id}});
  plan.translate = [](Told& told) {
    if (told.field("when") == nullptr) return;
    TouchpointText t;
    t.kind = TouchKind::sms;
    t.at = told.field("when")->view();
    told.out.touchpoint(t);
  };
  Run run(plan, {{"time_zone_column", "zone"}}, "UTC", RecordRole::event);
  CHECK(
      run.json("{\"id\":\"0\",\"zone\":\"Asia/Tokyo\"}\n{\"id\":\"1\",\"when\":\"2024-06-01 10:00\",\"zone\":\"Europe/Paris\"}\n"
               "{\"id\":\"2\",\"when\":\"2024-06-01 10:00\",\"zone\":\"America/New_York\"}\n"
               "{\"id\":\"3\",\"when\":\"2024-06-01 10:00\"}\n") == "");
  CHECK(run.rejects == "");
  const std::vector<Touchpoint> touches = run.touchpoints();
  REQUIRE(touches.size() == 3);
  constexpr std::int64_t kTenUtc = 1'717'236'000;
  CHECK(touches[0].at.seconds == kTenUtc - 2 * 3600);
  CHECK(touches[1].at.seconds == kTenUtc + 4 * 3600);
  CHECK(touches[2].at.seconds == kTenUtc);
}

TEST_CASE("normalizer: times that were not unique are counted and marked") {
  Run run(plain(), {}, "America/New_York");
  CHECK(run.csv("id,at,ended_at\n1,2024-11-03 01:30,2025-03-09 02:30\n") == "");
  CHECK(run.only().at("started_at") == "2024-11-03T05:30:00Z");
  CHECK(run.only().at("metadata").at("crosswalk").at("times").dump() ==
        "{\"started_at\":\"repeated:earlier\",\"ended_at\":\"skipped:later\"}");
  CHECK(run.books().times.at("started_at")[static_cast<std::size_t>(Known::repeated_earlier)] == 1);
  CHECK(run.books().times.at("ended_at")[static_cast<std::size_t>(Known::skipped_later)] == 1);
}

TEST_CASE("normalizer: a source field called crosswalk does not make a key stand twice") {
  Run run(plain(), {}, "America/New_York");
  CHECK(run.csv("id,at,crosswalk\n1,2024-11-03 01:30,mine\n") == "");
  std::size_t count = 0;
  for (std::size_t at = run.out.find("\"crosswalk\":"); at != std::string::npos; at = run.out.find("\"crosswalk\":", at + 1))
    ++count;
  CHECK(count == 1);
  CHECK(run.out.find("\"mine\"") != std::string::npos);
}

TEST_CASE("normalizer: channels by vocabulary, user's words, default") {
  Plan plan = plain();
  plan.setup = [](Setup& setup) {
    setup.word(Target::channel, "Mail", "email");
    setup.word(Target::channel, "web_form", "email");
    setup.word(Target::channel, "call", "phone");
    setup.absent(Target::channel, "-");
  };
  Run run(plan, {{"channel.CALL", "chat"}, {"default_channel", "social"}});
  CHECK(run.csv("id,at,channel\n1,2024-06-01T10:00Z,MAIL\n2,2024-06-01T10:00Z,web "
                "form\n3,2024-06-01T10:00Z,call\n4,2024-06-01T10:00Z,\n"
                "5,2024-06-01T10:00Z,fax\n6,2024-06-01T10:00Z,-\n") == "");
  std::string got;
  for (const Json& record : run.records()) got += record.at("channel").get<std::string>() + " ";
  CHECK(got == "email email chat social social ");  // the default is for a missing word, not for one that no rule covers
  CHECK(run.only_reject().at("code") == "unknown_channel");
  const auto words = run.books().words.at("channel");
  CHECK(words.at("MAIL").meaning == "email");
  CHECK(words.at("fax").meaning.empty());
  CHECK(words.at("fax").count == 1);
  CHECK(words.size() == 4);
}

TEST_CASE("normalizer: status words, known, lower-cased or bad") {
  Plan plan = plain();
  plan.setup = [](Setup& setup) {
    setup.word(Target::status, "On-hold", "on_hold");
    setup.others(Target::status, Others::lower);
  };
  Run run(plan);
  CHECK(run.csv("id,at,status\n1,2024-06-01T10:00Z,on hold\n2,2024-06-01T10:00Z, Odd One \n") == "");
  CHECK(run.records()[0].at("status") == "on_hold");
  CHECK(run.records()[1].at("status") == "odd one");
  Plan strict = plain();
  strict.setup = [](Setup& setup) { setup.word(Target::status, "open", "open"); };
  Run other(strict);
  CHECK(other.csv(row("status", "Odd")) == "");
  CHECK_FALSE(other.only().contains("status"));
  CHECK(other.only().at("metadata").at("status") == "Odd");
  CHECK(other.books().bad_values.at("status").at("unknown_status").message == "no rule says what this status means");
}

TEST_CASE("normalizer: a list is no status, with a vocabulary or without") {
  Plan plan = plain();
  plan.setup = [](Setup& setup) { setup.others(Target::status, Others::lower); };
  for (const Plan& p : {plain(), plan}) {
    Run run(p);
    CHECK(run.json("{\"id\":\"1\",\"at\":\"2024-06-01T10:00:00Z\",\"status\":[\"Open\"]}") == "");
    CHECK_FALSE(run.only().contains("status"));
    CHECK(run.only().at("metadata").at("status").dump() == "[\"Open\"]");
  }
}

TEST_CASE("normalizer: resolved and satisfaction by words") {
  Plan plan = plain();
  plan.setup = [](Setup& setup) {
    setup.word(Target::resolved, "closed", "true");
    setup.others(Target::resolved, Others::no);
    setup.word(Target::csat_score, "good", "5");
    setup.absent(Target::csat_score, "Offered");
  };
  Run run(plan);
  CHECK(run.csv("id,at,resolved,csat_score\n1,2024-06-01T10:00Z,Closed,Good\n2,2024-06-01T10:00Z,open,Offered\n3,2024-06-01T10:"
                "00Z,true,3\n") == "");
  CHECK(run.records()[0].at("resolved") == true);
  CHECK(run.records()[0].at("csat_score") == 5);
  CHECK(run.records()[1].at("resolved") == false);
  CHECK_FALSE(run.records()[1].contains("csat_score"));
  CHECK(run.records()[2].at("csat_score") == 3);
  CHECK(run.books().bad_values.empty());
  CHECK(run.books().words.contains("csat_score"));
  CHECK_FALSE(run.books().words.contains("resolved"));
}

TEST_CASE("normalizer: true and false are words like others where the adapter has words for resolved") {
  Plan plan = plain();
  plan.setup = [](Setup& setup) {
    setup.word(Target::resolved, "solved", "true");
    setup.others(Target::status, Others::lower);
  };
  plan.bind = maps({{"id", Target::external_id},
                    {"at", Target::started_at},
                    {"status", Target::status},
                    {"status", Target::resolved},
                    {"done", Target::resolved}});
  const auto resolved = [&](const std::string& field, Settings settings = {}) {
    Run run(plan, std::move(settings));
    CHECK(run.json("{\"id\":\"1\",\"at\":\"2024-06-01T10:00:00Z\"," + field + "}") == "");
    const bool said = run.books().findings.contains("unknown_resolved");
    const Json record = run.only();
    return record.contains("resolved") ? record.at("resolved").dump() : said ? "left out, said" : "left out";
  };
  CHECK(resolved("\"status\":\"true\"") == "left out, said");
  CHECK(resolved("\"status\":true") == "left out, said");
  CHECK(resolved("\"status\":false") == "left out, said");
  CHECK(resolved("\"status\":\"solved\"") == "true");
  CHECK(resolved("\"status\":true", {{"resolved.true", "false"}}) == "false");
  CHECK(resolved("\"done\":true") == "true");  // a boolean, and no status
  CHECK(resolved("\"done\":\"true\"") == "left out, said");
  CHECK(resolved("\"status\":[\"solved\"]", {{"resolved.*", "true"}, {"status.*", "open"}}) == "left out");
  Run list(plan, {{"resolved.*", "true"}, {"status.*", "open"}});
  CHECK(list.json("{\"id\":\"1\",\"at\":\"2024-06-01T10:00:00Z\",\"status\":[\"solved\"]}") == "");
  CHECK(list.books().bad_values.contains("status"));
  CHECK(list.books().bad_values.contains("resolved"));
}

TEST_CASE("normalizer: of two readings the one that puts the end behind the start") {
  struct Case {
    const char *started, *ended;
    std::string expected_start, expected_end, marks;
    const char* policy = "compatible";
  };
  const char* const zone = "America/Los_Angeles";
  for (const Case& c : {
           Case{"2023-11-05 01:50", "2023-11-05 00:59", "08:50:00Z", "", "{\"started_at\":\"repeated:earlier\"}"},
           Case{"2023-11-05 01:50", "2023-11-05 01:10", "08:50:00Z", "09:10:00Z",
                "{\"ended_at\":\"repeated:later:evidence\",\"started_at\":\"repeated:earlier\"}"},
           Case{"2023-11-05 01:50", "2023-11-05 01:10", "08:50:00Z", "09:10:00Z",
                "{\"ended_at\":\"repeated:later\",\"started_at\":\"repeated:earlier:evidence\"}", "later"},
           Case{"2023-11-05T01:30-08:00", "2023-11-05 01:40", "09:30:00Z", "09:40:00Z",
                "{\"ended_at\":\"repeated:later:evidence\"}"},
           Case{"2023-11-05 01:50", "2023-11-05 01:55", "08:50:00Z", "08:55:00Z",
                "{\"ended_at\":\"repeated:earlier\",\"started_at\":\"repeated:earlier\"}"},
           Case{"2023-03-12 02:30", "2023-03-12 03:10", "09:30:00Z", "10:10:00Z",
                "{\"started_at\":\"skipped:earlier:evidence\"}"},
           Case{"2023-03-12 02:30", "2023-03-12 01:10", "10:30:00Z", "", "{\"started_at\":\"skipped:later\"}"},
           Case{"2023-03-12 02:30", "2023-03-12 02:20", "09:30:00Z", "10:20:00Z",
                "{\"ended_at\":\"skipped:later\",\"started_at\":\"skipped:earlier:evidence\"}"},
       }) {
    CAPTURE(std::string(c.started));
    CAPTURE(std::string(c.ended));
    Run run(plain(), {}, zone);
    run.source->disambiguation = *parse_disambiguation(c.policy);
    run.normalizer = std::make_unique<Normalizer>(*run.source);
    REQUIRE(run.normalizer->open().ok());
    CHECK(run.csv(fmt::format("id,at,ended_at\n1,{},{}\n", c.started, c.ended)) == "");
    const Json record = run.only();
    CHECK(record.at("started_at").get<std::string>().substr(11) == c.expected_start);
    CHECK((record.contains("ended_at") ? record.at("ended_at").get<std::string>().substr(11) : "") == c.expected_end);
    const Json marks = record.at("metadata").at("crosswalk").at("times");
    CHECK(nlohmann::json::parse(marks.dump()).dump() == c.marks);
    const Summary s = run.books();
    CHECK(s.bad_values.contains("ended_at") == c.expected_end.empty());
    CHECK(s.findings.contains("reading_by_order") == (c.marks.find("evidence") != std::string::npos));
    if (!c.expected_end.empty()) continue;
    CHECK(s.bad_values.at("ended_at").contains("ended_before_started"));
    CHECK(record.at("metadata").at("ended_at") == c.ended);
    CHECK_FALSE(s.times.contains("ended_at"));
  }
}

TEST_CASE("normalizer: an object where a value should be is counted, and costs the record what it needs") {
  const auto run_with = [](const std::string& fields, Settings settings = {}) {
    auto run = std::make_unique<Run>(plain(), std::move(settings));
    run->source->info.columns = {{"external_id", "id"},
                                 {"started_at", "at"},
                                 {"channel", "channel"},
                                 {"status", "status"},
                                 {"customer_id", "customer_id"}};
    CHECK(run->json("{" + fields + "}") == "");
    return run;
  };
  const std::string whole = "\"id\":\"1\",\"at\":\"2024-06-01T10:00:00Z\"";
  const auto channel = run_with(whole + ",\"channel\":{\"type\":\"sms\"}");
  CHECK(channel->out == "");
  CHECK(channel->only_reject().at("code") == "unknown_channel");
  CHECK(channel->only_reject().at("field") == "channel");
  CHECK(channel->only_reject().at("message") ==
        "an object stands in channel, where a word is expected; channel.type is part of it");
  CHECK(channel->only_reject().at("cure") == "if channel.type is the value, --set 'field.channel=channel.type'");
  const auto id = run_with("\"id\":{\"value\":\"1\"},\"at\":\"2024-06-01T10:00:00Z\"");
  CHECK(id->only_reject().at("code") == "bad_id");
  const auto start = run_with("\"id\":\"1\",\"at\":{\"$date\":\"2024-06-01T10:00:00Z\"}");
  CHECK(start->only_reject().at("code") == "bad_time");
  const auto status = run_with(whole + ",\"status\":{\"name\":\"open\",\"id\":3},\"customer_id\":{\"a\":null,\"b\":\" \"}");
  CHECK(status->only().at("metadata").at("status.name") == "open");
  const BadValue bad = status->books().bad_values.at("status").at("object");
  CHECK(bad.count == 1);
  CHECK(bad.found == "open");
  CHECK(bad.input == "in.csv");
  CHECK(bad.line == 1);
  CHECK_FALSE(status->books().bad_values.contains("customer_id"));
  const auto strict = run_with(whole + ",\"status\":{\"name\":\"open\"}", {{"on_bad_value", "reject"}});
  CHECK(strict->only_reject().at("code") == "bad_text");
  const auto other = run_with(whole + ",\"statuses\":{\"name\":\"open\"},\"channel\":\"chat\"");
  CHECK(other->books().bad_values.empty());
}

TEST_CASE("normalizer: values that do not fit are counted by reason") {
  Run run(plain());
  std::string text = "id,at,customer_id\n";
  int n = 0;
  for (const char* const customer : {"=A1", "1.5E+12", "\"1,234\"", "123.0", "124.0", "\"2,345\"", "7"}) {
    text += fmt::format("{},2024-06-01T10:00Z,{}\n", ++n, customer);
  }
  CHECK(run.csv(text) == "");
  const auto reasons = run.books().bad_values.at("customer_id");
  CHECK(reasons.size() == 4);
  CHECK(reasons.at("formula").found == "=A1");
  CHECK(reasons.at("formula").code == "bad_id");
  CHECK(reasons.at("id_lost_digits").count == 1);
  CHECK(reasons.at("id_is_formatted").count == 2);
  CHECK(reasons.at("id_is_formatted").found == "1,234");
  CHECK(reasons.at("id_is_decimal").count == 2);
  CHECK(reasons.at("id_is_decimal").line == 5);
}

TEST_CASE("normalizer: on_bad_value=reject has its own codes for times") {
  const auto code = [](const std::string& ended) {
    Run run(plain(), {{"on_bad_value", "reject"}});
    CHECK(run.csv("id,at,ended_at\n1,2024-06-01 10:00," + ended + "\n") == "");
    return run.only_reject().at("code").get<std::string>();
  };
  CHECK(code("2024-06-01 09:00") == "ended_before_started");
  for (const char* const none : {"1970-01-01 00:00", "0", "0.000", "NaT", "NULL", "-nan", "#N/A N/A", "1.#QNAN", "-1.#IND"}) {
    CAPTURE(std::string(none));
    CHECK(code(none) == "placeholder_time");
  }
  CHECK(code("#VALUE!") == "bad_time");
  CHECK(code(".") == "bad_time");
  CHECK(code("?") == "bad_time");
}

TEST_CASE("normalizer: a setting that gives two fields one name is at fault, not the adapter") {
  Run run(plain());
  run.source->fields = {{"id", "key"}};
  run.normalizer = std::make_unique<Normalizer>(*run.source);
  REQUIRE(run.normalizer->open().ok());
  (void)run.json("{\"key\":\"1\",\"at\":\"2024-06-01T10:00:00Z\"}\n{\"id\":\"2\",\"key\":\"1\",\"at\":\"2024-06-01T10:00:00Z\"}");
  CHECK(run.only_reject().at("code") == "bad_setting");
}

// ---- bad values and rejects ------------------------------------------------------------------------------------------------

TEST_CASE("normalizer: a bad optional value is dropped, counted, said, and kept in metadata") {
  struct Case {
    const char *name, *json, *message, *cure;
  };
  const char* const correct = "correct it in the source";
  const char* const scales = "see the adapter's settings for the words and scales it takes";
  for (const Case& c : {Case{"ended_at", "\"never\"", "'never' is not written as the times of this source are",
                             "check the setting time_format of this source"},
                        Case{"ended_at", "17", "'17' is not written as the times of this source are", nullptr},
                        Case{"handle_time_seconds", "\"soon\"", "this is not a duration", correct},
                        Case{"wait_time_seconds", "-1", "a duration cannot be negative", correct},
                        Case{"first_response_time_seconds", "[1]", "this is not a duration", correct},
                        Case{"wait_time_seconds", "true", "this is not a duration", correct},
                        Case{"resolved", "\"maybe\"", "this is neither true nor false", correct},
                        Case{"resolved", "1", "this is neither true nor false", correct},
                        Case{"resolved", "[\"true\"]", "a list or an object stands where a word is expected", correct},
                        Case{"customer_id", "\"7\\u00008\"", "a control character stands within the id: the text is damaged",
                             "export again, or correct it in the source"},
                        Case{"csat_score", "0.99", "a satisfaction score is between 1 and 5", scales},
                        Case{"csat_score", "\"5.000001\"", "a satisfaction score is between 1 and 5", scales},
                        Case{"csat_score", "\"great\"", "this is not a satisfaction score", scales},
                        Case{"csat_score", "[5]", "this is not a satisfaction score", scales},
                        Case{"csat_score", "true", "this is not a satisfaction score", scales},
                        Case{"subject", "[\"x\"]", "a list or an object stands where text is expected", correct},
                        Case{"platform", "[\"x\"]", "a list or an object stands where text is expected", correct},
                        Case{"queue_id", "true", "an id is text or a number", correct},
                        Case{"customer_id", "[7]", "an id is text or a number", correct},
                        Case{"assigned_agent_id", "1.5e+12",
                             "a number in exponent form has lost its last digits: which record it was can no longer be told",
                             "export again with the ids as texts, or as whole numbers with all their digits"}}) {
    CAPTURE(std::string(c.name));
    CAPTURE(std::string(c.json));
    const std::string record = std::string("{\"id\":\"1\",\"at\":\"2024-06-01T10:00:00Z\",\"") + c.name + "\":" + c.json + "}";
    const std::string found = Json::parse(c.json).is_string() ? Json::parse(c.json).get<std::string>() : c.json;
    Run run(plain());
    CHECK(run.json(record) == "");
    CHECK(run.rejects == "");
    CHECK(run.only().value(c.name, Json("none")) == (std::string(c.name) == "platform" ? "fake" : "none"));
    CHECK(run.only().at("metadata").at(c.name) == Json::parse(c.json));
    const Summary s = run.books();
    REQUIRE(s.bad_values.contains(c.name));
    REQUIRE(s.bad_values.at(c.name).size() == 1);
    const BadValue bad = s.bad_values.at(c.name).begin()->second;
    CHECK(bad.count == 1);
    CHECK(bad.found == found);
    CHECK(bad.message == c.message);
    if (c.cure != nullptr) CHECK(bad.cure == std::string_view(c.cure));
    CHECK(s.fields.at(c.name).mapped == 0);
    CHECK(s.fields.at(c.name).carried == 1);
    CHECK(accounted(s) == 3);

    Run strict(plain(), {{"on_bad_value", "reject"}});
    CHECK(strict.json(record) == "");
    CHECK(strict.out == "");
    const Json reject = strict.only_reject();
    CHECK(reject.at("code") == bad.code);
    CHECK(reject.at("field") == c.name);
    CHECK(reject.at("found") == found);
    CHECK(reject.at("message") == c.message);
    if (c.cure != nullptr) CHECK(reject.at("cure") == c.cure);
    CHECK(strict.books().bad_values.empty());
  }
}

TEST_CASE("normalizer: rejects, whole") {
  struct Case {
    const char *record, *code, *field, *found, *message, *cure;
  };
  const char* const at = ",\"at\":\"2024-06-01T10:00:00Z\"";
  const auto with_at = [&](const char* head) { return std::string(head) + at + "}"; };
  const std::string no_id = "{\"x\":1" + std::string(at) + "}", exponent = with_at("{\"id\":1.03006E+13"),
                    boolean = with_at("{\"id\":true"), list = with_at("{\"id\":[1]"), blank = with_at("{\"id\":\" \"");
  for (const Case& c :
       {Case{no_id.c_str(), "missing_external_id", "external_id", "",
             "the record has no id, so it could neither be found again nor updated",
             "correct it in the source, or leave the record out"},
        Case{blank.c_str(), "missing_external_id", "external_id", "",
             "the record has no id, so it could neither be found again nor updated",
             "correct it in the source, or leave the record out"},
        Case{exponent.c_str(), "id_lost_digits", "id", "1.03006E+13",
             "a number in exponent form has lost its last digits: which record it was can no longer be told",
             "export again with the ids as texts, or as whole numbers with all their digits"},
        Case{boolean.c_str(), "bad_id", "id", "true", "an id is text or a number", "correct it in the source"},
        Case{list.c_str(), "bad_id", "id", "[1]", "an id is text or a number", "correct it in the source"},
        Case{"{\"id\":1}", "missing_started_at", "started_at", "", "the record has no start time, and none is made up",
             "export the field that holds the creation time"},
        Case{"{\"id\":1,\"at\":\"soon\"}", "bad_time", "at", "soon", "'soon' is not written as the times of this source are",
             "check the setting time_format of this source"},
        Case{"{\"id\":1,\"at\":\"2024-02-30T10:00Z\"}", "bad_time", "at", "2024-02-30T10:00Z", nullptr, nullptr}}) {
    CAPTURE(std::string(c.record));
    Run run(plain());
    CHECK(run.json(c.record) == "");
    CHECK(run.out == "");
    const Json all = run.rejected().at(0);
    CHECK(all.at("source") == "fake");
    CHECK(all.at("file") == "in.csv");
    CHECK(all.at("line") == 1);
    CHECK(all.at("offset") == 0);
    CHECK(all.at("record") == c.record);
    const Json r = run.only_reject();
    CHECK(r.at("code") == c.code);
    CHECK(r.at("field") == c.field);
    CHECK(r.at("found") == c.found);
    if (c.message != nullptr) CHECK(r.at("message") == c.message);
    if (c.cure != nullptr) CHECK(r.at("cure") == c.cure);
    const Summary s = run.books();
    CHECK(s.read == 1);
    CHECK(s.translated == 0);
    CHECK(s.rejected.at(c.code) == 1);
    CHECK(s.reject_cures.at(c.code) == r.at("message").get<std::string>() + "; " + r.at("cure").get<std::string>());
  }
}

TEST_CASE("normalizer: a channel that no rule covers says which setting would cure it") {
  Plan plan = plain();
  plan.setup = [](Setup& setup) { setup.word(Target::channel, "mail", "email"); };
  AdapterInfo info;
  Run run(plan, {{"default_channel", ""}});
  CHECK(run.csv("id,at,channel\n1,2024-06-01T10:00Z,Carrier Pigeon\n2,2024-06-01T10:00Z,\n") == "");
  const auto rejects = run.rejected();
  REQUIRE(rejects.size() == 2);
  CHECK(rejects[0].at("code") == "unknown_channel");
  CHECK(rejects[0].at("field") == "channel");
  CHECK(rejects[0].at("found") == "Carrier Pigeon");
  CHECK(rejects[0].at("message") == "no rule says which channel \"Carrier Pigeon\" is");
  CHECK(rejects[0].at("cure") ==
        "--set 'channel.carrier pigeon'=<phone|email|chat|sms|social|back_office>, or --set 'channel.*=<channel>' for all such "
        "words");
  CHECK(rejects[0].at("line") == 2);
  CHECK(rejects[1].at("code") == "missing_channel");
  CHECK(rejects[1].at("message") == "the record does not say by which channel it came");
  CHECK(rejects[1].at("cure") == "--set default_channel=<phone|email|chat|sms|social|back_office>");
  CHECK(rejects[1].at("line") == 3);
}

TEST_CASE("normalizer: a cure can be copied into a shell, whatever the word") {
  Run run(plain(), {{"default_channel", ""}});
  CHECK(run.json("{\"id\":\"1\",\"at\":\"2024-06-01T10:00:00Z\",\"channel\":\"it's $(date) `x`\"}") == "");
  CHECK(run.only_reject().at("cure") ==
        "--set 'channel.it'\\''s $(date) `x`'=<phone|email|chat|sms|social|back_office>, or --set 'channel.*=<channel>' for all "
        "such words");
}

TEST_CASE("normalizer: ids that a spreadsheet spoiled, and ids that only look so") {
  Run run(plain());
  CHECK(run.csv("id,at\n1.03E+13,2024-06-01T10:00Z\n-1.5e12,2024-06-01T10:00Z\n1E+05,2024-06-01T10:00Z\n\"1,03E13\",2024-06-"
                "01T10:00Z\n12e4,2024-06-01T10:00Z\n"
                "e5,2024-06-01T10:00Z\n1.5e,2024-06-01T10:00Z\nA1.5e+3,2024-06-01T10:00Z\n1.5e+3.1,2024-06-01T10:00Z\n") == "");
  std::string kept;
  for (const Json& record : run.records()) kept += record.at("external_id").get<std::string>() + " ";
  CHECK(kept == "e5 1.5e A1.5e+3 1.5e+3.1 ");
  CHECK(run.books().rejected.at("id_lost_digits") == 5);
  Run text(plain());
  CHECK(text.json("{\"id\":\"1.5E+12\",\"at\":\"2024-06-01T10:00:00Z\"}") == "");  // a JSON text may come from a spreadsheet
  CHECK(text.only_reject().at("code") == "id_lost_digits");
}

TEST_CASE("normalizer: a JSON number in exponent form is no id, whatever it looks like") {
  for (const std::string number : {"1e5", "1E5", "1.0e5", "12e-1", "-1E+2", "1.03006E+13"}) {
    CAPTURE(number);
    Run run(plain());
    CHECK(run.json("{\"id\":" + number + ",\"at\":\"2024-06-01T10:00:00Z\"}") == "");
    CHECK(run.only_reject().dump() ==
          "{\"code\":\"id_lost_digits\",\"field\":\"id\",\"found\":\"" + number +
              "\",\"message\":\"a number in exponent form has lost its last digits: which record it was can no longer be "
              "told\",\"cure\":\"export again with the ids as texts, or as whole numbers with all their digits\"}");
  }
  Run others(plain());
  CHECK(others.json("{\"id\":100000,\"at\":\"2024-06-01T10:00:00Z\",\"customer_id\":1e5,\"queue_id\":2e5,"
                    "\"assigned_agent_id\":3}") == "");
  CHECK(others.only().at("external_id") == "100000");
  CHECK_FALSE(others.only().contains("customer_id"));
  CHECK_FALSE(others.only().contains("queue_id"));
  CHECK(others.only().at("assigned_agent_id") == "3");
  CHECK(others.out.find("\"metadata\":{\"customer_id\":1e5,\"queue_id\":2e5}") != std::string::npos);
}

TEST_CASE("normalizer: what an adapter refuses and filters") {
  Plan plan = plain();
  plan.translate = [](Told& told) {
    const std::string_view id = told.field("id")->view();
    if (id == "f") {
      CHECK_FALSE(told.out.filter("draft"));
      CHECK_FALSE(told.out.filter("draft"));  // once is enough
      CHECK_FALSE(told.out.set(Target::subject, How::as_configured, 0, made("x")));
      CHECK_FALSE(told.out.carry("x", made("x"), Form::as_is));
      CHECK_FALSE(told.out.refuse({"late", "", "", "", ""}));
      CHECK_FALSE(told.out.drop(*told.field("id"), "r"));
      CHECK_FALSE(told.out.touchpoint({}));
      CHECK_FALSE(told.out.walk(*told.field("id"), "x", [](const Record&) { return true; }));
    }
    if (id == "r") {
      CHECK_FALSE(told.out.refuse({"no_use", "f", "v", "why", "how"}));
      CHECK_FALSE(told.out.refuse({"again", "f", "v", "why", "how"}));
      CHECK_FALSE(told.out.filter("late"));
    }
  };
  Run run(plan);
  CHECK(run.csv("id,at\nf,2024-06-01T10:00Z\nr,2024-06-01T10:00Z\nk,2024-06-01T10:00Z\n") == "");
  CHECK(run.only().at("external_id") == "k");
  CHECK(run.only_reject().dump() == "{\"code\":\"no_use\",\"field\":\"f\",\"found\":\"v\",\"message\":\"why\",\"cure\":\"how\"}");
  CHECK(run.rejected()[0].at("line") == 3);
  const Summary s = run.books();
  CHECK(s.read == 3);
  CHECK(s.translated == 1);
  CHECK(s.filtered == std::map<std::string, std::uint64_t, std::less<>>{{"draft", 1}});
  CHECK(s.filtered_total == 1);
  CHECK(s.rejected == std::map<std::string, std::uint64_t, std::less<>>{{"no_use", 1}});
  CHECK(s.rejected_total == 1);
}

TEST_CASE("normalizer: faults of framing and repeated headers are in the books") {
  Run run(plain());
  CHECK(run.csv("id,at\n1,2024-06-01T10:00Z\n1,2,3\nid,at\n2,2024-06-01T10:00Z\n") == "");
  const Summary s = run.books();
  CHECK(s.read == 4);
  CHECK(s.translated == 2);
  CHECK(s.rejected.at("ragged_row") == 1);
  CHECK(s.filtered.at("repeated header") == 1);
  CHECK(s.read == s.translated + s.filtered_total + s.rejected_total);
  CHECK(run.rejected()[0].at("line") == 3);
  CHECK(run.rejected()[0].at("record") == "1,2,3");
}

TEST_CASE("normalizer: lines and offsets of rejects over many blocks") {
  std::string text = "id,note,at\n";
  std::vector<std::pair<std::uint64_t, std::uint64_t>> expected;
  std::uint64_t line = 2;
  for (int i = 0; i < 500; ++i) {
    if (i % 7 == 3) expected.emplace_back(line, text.size());
    text += std::to_string(i) + (i % 7 == 3 ? ",x,never\r\n" : ",\"two\r\nlines\",2024-06-01T10:00Z\n");
    line += i % 7 == 3 ? 1U : 2U;
  }
  for (const std::size_t block : {std::size_t{1}, std::size_t{100}, std::size_t{1} << 20}) {
    Run run(plain());
    CHECK(run.csv(text, block) == "");
    const auto rejects = run.rejected();
    REQUIRE(rejects.size() == expected.size());
    for (std::size_t i = 0; i < rejects.size(); ++i) {
      CHECK(rejects[i].at("line") == expected[i].first);
      CHECK(rejects[i].at("offset") == expected[i].second);
    }
  }
}

// ---- the books of the fields -----------------------------------------------------------------------------------------------

TEST_CASE("normalizer: metadata modes") {
  Plan plan = plain();
  plan.bind = [inner = plan.bind](std::uint16_t id, std::string_view name, Binder& binder) {
    inner(id, name, binder);
    if (name == "known") binder.carry(id, "Known", Form::as_is);
    if (name == "sum") binder.drop(id, "summation column");
    if (name == "text") binder.body(id, "Text");
  };
  const auto run = [&](const char* metadata, const char* bodies) {
    Run r(plan, {{"metadata", metadata}, {"include_bodies", bodies}});
    CHECK(r.csv(row("known,sum,text,other,version,status", "1,2,3,4,2024-06-02T10:00Z,open")) == "");
    const Summary s = r.books();
    std::string books;
    for (const auto& [name, use] : s.fields) {
      for (const auto& [rule, count] : use.dropped) books += name + ": " + rule + "; ";
    }
    return r.only().value("metadata", Json::object()).dump() + " " + books;
  };
  CHECK(run("all", "false") ==
        "{\"Known\":\"1\",\"other\":\"4\",\"version\":\"2024-06-02T10:00Z\"} Text: message body; sum: summation column; ");
  CHECK(run("all", "true") ==
        "{\"Known\":\"1\",\"Text\":\"3\",\"other\":\"4\",\"version\":\"2024-06-02T10:00Z\"} sum: summation column; ");
  CHECK(
      run("mapped", "false") ==
      "{\"Known\":\"1\",\"version\":\"2024-06-02T10:00Z\"} Text: message body; other: metadata=mapped; sum: summation column; ");
  CHECK(run("mapped", "true") ==
        "{\"Known\":\"1\",\"Text\":\"3\",\"version\":\"2024-06-02T10:00Z\"} other: metadata=mapped; sum: summation column; ");
  CHECK(run("none", "false") == "{} Known: metadata=none; Text: message body; other: metadata=none; sum: summation column; ");
  CHECK(run("other,Text,status", "false") ==
        "{\"Text\":\"3\",\"other\":\"4\",\"status\":\"open\"} Known: not in the metadata list; sum: summation column; ");
  CHECK(
      run("known", "false") ==
      "{\"Known\":\"1\"} Text: message body; other: not in the metadata list; sum: summation column; ");  // by its own name, too
}

TEST_CASE("normalizer: of several fields for one target the lowest rank counts, the others are carried") {
  Plan plan;
  plan.bind = maps({{"id", Target::external_id},
                    {"at", Target::started_at},
                    {"a", Target::queue_id, How::as_configured, 2},
                    {"b", Target::queue_id, How::as_configured, 0},
                    {"c", Target::queue_id, How::as_configured, 1}});
  const auto of = [&](const std::string& names, const std::string& cells) {
    Run run(plan);
    CHECK(run.csv(row(names, cells)) == "");
    CHECK(run.books().fields.size() == 5);
    std::uint64_t there = 2;
    for (const char c : cells) there += c != ',';
    CHECK(accounted(run.books()) == there);
    CHECK(carried(run.books()) == run.only().value("metadata", Json::object()).size());
    return run.only().value("queue_id", "none") + run.only().value("metadata", Json::object()).dump();
  };
  CHECK(of("a,b,c", "1,2,3") == "2{\"a\":\"1\",\"c\":\"3\"}");
  CHECK(of("b,a,c", "2,1,3") == "2{\"a\":\"1\",\"c\":\"3\"}");
  CHECK(of("c,a,b", "3,1,2") == "2{\"c\":\"3\",\"a\":\"1\"}");
  CHECK(of("a,c,b", "1,3,2") == "2{\"a\":\"1\",\"c\":\"3\"}");
  CHECK(of("a,b,c", "1,,3") == "3{\"a\":\"1\"}");
  CHECK(of("a,b,c", "1,,") == "1{}");
  CHECK(of("a,b,c", ",,") == "none{}");
}

TEST_CASE("normalizer: of fields for one target with equal ranks none is lost") {
  Plan plan;
  plan.bind = maps({{"id", Target::external_id}, {"at", Target::started_at}, {"a", Target::queue_id}, {"b", Target::queue_id}});
  Run run(plan);
  CHECK(run.csv(row("a,b", "first,second")) == "");
  CHECK(run.out.find("\"first\"") != std::string::npos);
  CHECK(run.out.find("\"second\"") != std::string::npos);
  CHECK(accounted(run.books()) == 4);
  CHECK(carried(run.books()) == run.only().value("metadata", Json::object()).size());
}

TEST_CASE("normalizer: a field for two targets that loses both is carried once, and the books hold") {
  Plan plan;
  plan.bind = [](std::uint16_t id, std::string_view name, Binder& binder) {
    if (name == "id") binder.map(id, Target::external_id, How::as_configured, 0);
    if (name == "at") binder.map(id, Target::started_at, How::as_configured, 0);
    if (name == "weak" || name == "strong") {
      binder.map(id, Target::queue_id, How::as_configured, name == "weak");
      binder.map(id, Target::subject, How::as_configured, name == "weak");
    }
  };
  for (const char* const names : {"weak,strong", "strong,weak"}) {
    Run run(plan);
    CHECK(run.csv(row(names, "1,2")) == "");
    const Summary s = run.books();
    CHECK(s.fields.at("strong").mapped == 1);
    CHECK(s.fields.at("weak").mapped == 0);
    CHECK(s.fields.at("weak").carried == 1);
    CHECK(accounted(s) == 4);
    CHECK(run.only().at("metadata").size() == 1);
  }
}

TEST_CASE("normalizer: a field that is good for one target and bad for another is mapped; bad for both, it is carried") {
  Plan plan;
  plan.bind = [](std::uint16_t id, std::string_view name, Binder& binder) {
    if (name == "id") binder.map(id, Target::external_id, How::as_configured, 0);
    if (name == "at") binder.map(id, Target::started_at, How::as_configured, 0);
    if (name == "x") {
      binder.map(id, Target::wait_time, How::seconds, 0);
      binder.map(id, Target::csat_score, How::as_configured, 0);
    }
  };
  Run half(plan);
  CHECK(half.csv(row("x", "90")) == "");
  CHECK(half.only().at("wait_time_seconds") == 90);
  CHECK(accounted(half.books()) == 3);
  Run both(plan);
  CHECK(both.csv(row("x", "often")) == "");
  CHECK(both.only().at("metadata").dump() == "{\"x\":\"often\"}");
  CHECK(accounted(both.books()) == 3);
  CHECK(carried(both.books()) == 1);
}

TEST_CASE("normalizer: a value that means absent is not a value") {
  Plan plan = plain();
  plan.setup = [](Setup& setup) { setup.absent(Target::ended_at, "1900-01-01 00:00:00"); };
  Run run(plan);
  CHECK(run.csv(row("ended_at", " 1900-01-01 00:00:00 ")) == "");
  CHECK_FALSE(run.only().contains("ended_at"));
  CHECK_FALSE(run.only().contains("metadata"));
  CHECK(accounted(run.books()) + empty(run.books()) == 3);
}

TEST_CASE("normalizer: what means absent means it in any case, for every target") {
  Plan plan = plain();
  plan.setup = [](Setup& setup) {
    setup.absent(Target::status, "n/a");
    setup.absent(Target::csat_score, "Not Offered");
    setup.absent(Target::queue_id, "None");
    setup.word(Target::status, "n/a", "unknown");  // absent goes before words
    setup.word(Target::csat_score, "not offered", "1");
  };
  Run run(plan);
  CHECK(run.csv(row("status,csat_score,queue_id", "N/A,not_offered, NONE ")) == "");
  CHECK(run.only().dump() == R"({"external_id":"1","platform":"fake","channel":"email","started_at":"2024-06-01T10:00:00Z"})");
  CHECK(accounted(run.books()) == 2);
  CHECK(empty(run.books()) == 3);
  CHECK_FALSE(run.books().words.contains("csat_score"));
}

TEST_CASE("normalizer: a field may be any number of targets") {
  Plan plan;
  plan.bind = maps({{"id", Target::external_id},
                    {"at", Target::started_at},
                    {"x", Target::platform},
                    {"x", Target::queue_id},
                    {"x", Target::assigned_agent_id},
                    {"x", Target::customer_id},
                    {"x", Target::subject},
                    {"x", Target::status}});
  Run run(plan);
  CHECK(run.csv(row("x", "7")) == "");
  const Json record = run.only();
  for (const char* target : {"platform", "queue_id", "assigned_agent_id", "customer_id", "subject", "status"}) {
    CAPTURE(target);
    CHECK(record.at(target) == "7");
  }
  CHECK_FALSE(record.contains("metadata"));
  CHECK(accounted(run.books()) == 3);

  Plan zoned = plain();
  zoned.bind = [inner = plan.bind](std::uint16_t id, std::string_view name, Binder& binder) { inner(id, name, binder); };
  Run with_zone(zoned, {{"time_zone_column", "x"}}, "");
  CHECK(with_zone.csv("id,at,x\n1,2024-06-01 10:00,Asia/Tokyo\n") == "");
  CHECK(with_zone.only().at("started_at") == "2024-06-01T01:00:00Z");
}

TEST_CASE("normalizer: a word's score is a score, or the adapter cannot be opened") {
  const auto opened = [](std::string_view score, Option::Type type, std::map<std::string, std::string, std::less<>> set) {
    AdapterInfo info;
    info.id = info.platform = "fake";
    info.framings = {Framing::csv};
    info.options = {{"hours", Option::Type::text, "100", {}, ""}, {"csat_good", type, "5", {}, ""}};
    Plan plan = plain();
    plan.setup = [score](Setup& setup) {
      setup.word(Target::csat_score, "good", score.empty() ? setup.setting("csat_good") : score);
      setup.word(Target::csat_score, "bad", "1");
    };
    TranslateOptions options;
    options.settings = {set.begin(), set.end()};
    options.time_zone = "UTC";
    auto source = make_source(options, std::make_shared<FakeAdapter>(std::move(info), std::move(plan)), {"in.csv"});
    REQUIRE(source.ok());
    Normalizer normalizer(*source);
    const Result<void> result = normalizer.open();
    return result ? std::string() : fmt::format("{}: {}", static_cast<int>(result.error().code), result.error().text());
  };
  constexpr auto kNumber = Option::Type::number;
  for (const char* good : {"1", "5", "4.5", "1.0"}) CHECK(opened("", kNumber, {{"csat_good", good}}) == "");
  CHECK(opened("", kNumber, {}) == "");
  for (const std::string bad : {"100", "0", "0.99", "5.01", "-1", "nan"}) {
    CHECK(opened("", kNumber, {{"csat_good", bad}}) ==
          "0: setting csat_good: \"" + bad +
              "\" is not a satisfaction score, which is a number from 1 to 5\n  --set csat_good=<1 to 5>");
  }
  CHECK(opened("7", kNumber, {}) ==
        "4: adapter fake says that \"good\" is a satisfaction score of \"7\"; a score is a number from 1 to 5\n"
        "  report it to the adapter's author");
}

TEST_CASE("normalizer: two fields that go by one name in metadata are both there") {
  const auto metadata = [](const std::string& json, std::map<std::string, std::string> names) {
    Plan plan = plain();
    plan.bind = [inner = plan.bind, names](std::uint16_t id, std::string_view name, Binder& binder) {
      inner(id, name, binder);
      if (const auto as = names.find(std::string(name)); as != names.end()) binder.carry(id, as->second, Form::as_is);
    };
    Run run(plan);
    CHECK(run.json("{\"id\":\"1\",\"at\":\"2024-06-01T10:00:00Z\"," + json + "}") == "");
    const Json record = run.only();
    CHECK(carried(run.books()) == record.at("metadata").size());
    CHECK(accounted(run.books()) == record.at("metadata").size() + 2);
    return record.at("metadata").dump();
  };
  CHECK(metadata("\"p\":{\"k\":1},\"q\":{\"k\":2}", {{"p.k", "k"}, {"q.k", "k"}}) == "{\"p.k\":1,\"q.k\":2}");
  CHECK(metadata("\"k\":1,\"q\":{\"k\":2}", {{"q.k", "k"}}) == "{\"k\":1,\"q.k\":2}");
}

TEST_CASE("normalizer: a field whose own name was taken by another is there as well") {
  Plan plan = plain();
  plan.bind = [inner = plan.bind](std::uint16_t id, std::string_view name, Binder& binder) {
    inner(id, name, binder);
    if (name == "metadata.k") binder.carry(id, "k", Form::as_is);
  };
  Run run(plan);
  CHECK(run.json("{\"id\":\"1\",\"at\":\"2024-06-01T10:00:00Z\",\"metadata\":{\"k\":1},\"k\":2}") == "");
  const Json metadata = run.only().at("metadata");
  CHECK(metadata.size() == 2);
  CHECK(carried(run.books()) == metadata.size());
}

TEST_CASE("normalizer: what an adapter carries twice under one name is there twice") {
  Plan plan = plain();
  plan.bind = [inner = plan.bind](std::uint16_t id, std::string_view name, Binder& binder) {
    inner(id, name, binder);
    if (name == "a" || name == "b") binder.claim(id);
  };
  plan.translate = [](Told& told) {
    told.out.carry("same", *told.field("a"), Form::as_is);
    told.out.carry("same", *told.field("b"), Form::as_is);
  };
  Run run(plan);
  CHECK(run.csv(row("a,b", "first,second")) == "");
  CHECK(run.out.find("\"first\"") != std::string::npos);
  CHECK(run.out.find("\"second\"") != std::string::npos);
  CHECK(carried(run.books()) == run.only().at("metadata").size());
}

TEST_CASE("normalizer: claimed fields are the adapter's: set, carried, dropped by rule") {
  Plan plan;
  plan.bind = [](std::uint16_t id, std::string_view, Binder& binder) { binder.claim(id); };
  plan.translate = [](Told& told) {
    told.out.set(Target::external_id, How::as_configured, 0, *told.field("id"));
    told.out.set(Target::started_at, How::as_configured, 0, *told.field("at"));
    told.out.carry("kept as", *told.field("kept"), Form::as_is);
    told.out.drop(*told.field("gone"), "of no use");
    told.out.set(Target::csat_score, How::as_configured, 0, *told.field("bad"));
    told.out.set(Target::queue_id, How::as_configured, 1, *told.field("weak"));
    told.out.set(Target::queue_id, How::as_configured, 0, *told.field("strong"));
    told.out.set(Target::subject, How::as_configured, 0, *told.field("blank"));
    told.out.drop(*told.field("blank too"), "of no use");
  };
  Run run(plan);
  CHECK(run.csv(row("kept,gone,bad,weak,strong,blank,blank too", "1,2,9,w,s,,")) == "");
  CHECK(run.only().at("queue_id") == "s");
  CHECK(run.only().at("metadata").dump() == "{\"kept as\":\"1\",\"bad\":\"9\",\"weak\":\"w\"}");
  const Summary s = run.books();
  CHECK(s.fields.at("gone").dropped.at("of no use") == 1);
  CHECK(s.fields.at("bad").carried == 1);
  CHECK(s.fields.at("weak").mapped == 0);
  CHECK(s.fields.at("strong").mapped == 1);
  CHECK(accounted(s) == 7);
  CHECK(empty(s) == 2);
}

TEST_CASE("normalizer: a claimed field set for two targets is one field") {
  Plan plan = plain();
  plan.bind = [inner = plan.bind](std::uint16_t id, std::string_view name, Binder& binder) {
    if (name == "state") {
      binder.claim(id);
    } else {
      inner(id, name, binder);
    }
  };
  plan.setup = [](Setup& setup) { setup.others(Target::resolved, Others::no); };
  plan.translate = [](Told& told) {
    told.out.set(Target::status, How::as_configured, 0, *told.field("state"));
    told.out.set(Target::resolved, How::as_configured, 0, *told.field("state"));
  };
  Run run(plan);
  CHECK(run.csv(row("state", "open")) == "");
  CHECK(run.only().at("status") == "open");
  CHECK(run.only().at("resolved") == false);
  CHECK(accounted(run.books()) == 3);
}

namespace {

/// Claims all fields but id and at; `steering` of them steer.
Plan claiming(std::function<void(Told&)> translate, std::string_view steering = {}) {
  Plan plan = plain();
  plan.bind = [inner = plan.bind, steering](std::uint16_t id, std::string_view name, Binder& binder) {
    inner(id, name, binder);
    if (name == "id" || name == "at") return;
    binder.claim(id);
    if (name == steering) binder.map(id, Target::none, How::as_configured, 0);
  };
  plan.translate = std::move(translate);
  return plan;
}

}  // namespace

TEST_CASE("normalizer: a claimed field that the adapter does nothing with is carried and counted") {
  Run run(claiming([](Told&) {}));
  CHECK(run.csv(row("left,blank", "text,")) == "");
  CHECK(run.only().at("metadata").dump() == "{\"left\":\"text\"}");
  const Summary s = run.books();
  CHECK(s.fields.at("left").read == 1);
  CHECK(s.fields.at("left").carried == 1);
  CHECK(s.fields.at("blank").read == 1);
  CHECK(s.fields.at("blank").empty == 1);
  CHECK(s.findings.at("unused_field").count == 1);
  CHECK(s.findings.at("unused_field").message ==
        "the adapter can make nothing of \"left\" as it stands here; it is carried into metadata");

  Run without(claiming([](Told&) {}), {{"metadata", "none"}});
  CHECK(without.csv(row("left", "text")) == "");
  CHECK(without.books().fields.at("left").dropped.at("metadata=none") == 1);
}

TEST_CASE("normalizer: a claimed field whose value means nothing is empty; a second use is one more fate") {
  Plan plan = claiming([](Told& told) {
    told.out.set(Target::status, How::as_configured, 0, *told.field("none"));
    told.out.set(Target::queue_id, How::as_configured, 0, *told.field("twice"));
    told.out.carry("again", *told.field("twice"), Form::as_is);
  });
  Run run(plan);
  CHECK(run.csv(row("none,twice", "NULL,q")) == "");
  const Summary s = run.books();
  CHECK(s.fields.at("none").empty == 1);
  CHECK(s.fields.at("twice").mapped == 1);
  CHECK(s.fields.at("twice").carried == 1);
  CHECK(s.fields.at("twice").repeated == 1);
}

TEST_CASE("normalizer: a field that steers was mapped, unless the adapter says otherwise") {
  const auto use = [](std::function<void(Told&)> translate) {
    Run run(claiming(std::move(translate), "kind"));
    CHECK(run.csv(row("kind", "call")) == "");
    return run.books().fields.at("kind");
  };
  CHECK(use([](Told&) {}).mapped == 1);
  const FieldUse dropped = use([](Told& told) { told.out.drop(*told.field("kind"), "of no use"); });
  CHECK(dropped.mapped == 0);
  CHECK(dropped.dropped.at("of no use") == 1);
  const FieldUse set = use([](Told& told) { told.out.set(Target::subject, How::as_configured, 0, *told.field("kind")); });
  CHECK(set.mapped == 1);
  CHECK(set.repeated == 0);
}

TEST_CASE("normalizer: claimed fields of a filtered or refused record went with it") {
  Run filtered(claiming([](Told& told) { told.out.filter("draft"); }));
  CHECK(filtered.csv(row("left", "text")) == "");
  CHECK(filtered.books().fields.at("left").with_record == 1);
  Run refused(claiming([](Told& told) { told.out.refuse({"odd", "", "", "no", "yes"}); }));
  CHECK(refused.csv(row("left", "text")) == "");
  CHECK(refused.books().fields.at("left").with_record == 1);
  CHECK(refused.books().findings.empty());
}

TEST_CASE("normalizer: claimed without a translate() is as if nothing had been said") {
  Plan plan = claiming({});
  Run run(plan);
  CHECK(run.csv(row("left", "text")) == "");
  CHECK(run.only().at("metadata").dump() == "{\"left\":\"text\"}");
  CHECK(run.books().fields.at("left").carried == 1);
}

TEST_CASE("property: every value of every record is mapped, carried, dropped by a rule, or empty") {
  constexpr Target kTargets[] = {Target::queue_id,  Target::customer_id, Target::subject,  Target::csat_score,
                                 Target::wait_time, Target::ended_at,    Target::resolved, Target::platform};
  const char* const kCells[] = {
      "",        "",  " ",     "\"\"", "\" \"", "a", "b c", "7", "4.5", "true", "2024-06-01T11:00Z", "-1", "\"a,\"\"b\"\"\"",
      "1.5E+12", "ü", "\" d\""};
  const char* const kModes[] = {"all", "mapped", "none", "c1,c3,Named 5"};
  std::mt19937 random(20260314);
  const auto below = [&](std::size_t n) { return random() % n; };
  for (int round = 0; round < 400; ++round) {
    const std::size_t columns = below(10) != 0 ? 1 + below(9) : 1 + below(200);
    const char delimiter = ",;\t"[below(3)];
    struct Column {
      std::size_t kind;
      Target target;
      std::uint32_t rank;
    };
    std::vector<Column> table;
    for (std::size_t i = 0; i < columns; ++i) table.push_back({below(6), kTargets[below(8)], static_cast<std::uint32_t>(i)});
    std::shuffle(table.begin(), table.end(), random);  // ranks differ, and are in no order
    Plan plan;
    plan.bind = [&table](std::uint16_t id, std::string_view name, Binder& binder) {
      if (name == "id") binder.map(id, Target::external_id, How::as_configured, 0);
      if (name == "at") binder.map(id, Target::started_at, How::as_configured, 0);
      if (name.front() != 'c') return;
      const Column& c = table[static_cast<std::size_t>(std::stoi(std::string(name.substr(1))))];
      if (c.kind == 0 || c.kind == 1) binder.map(id, c.target, How::seconds, c.rank);
      if (c.kind == 2) binder.carry(id, "Named " + std::string(name.substr(1)), Form::as_is);
      if (c.kind == 3) binder.drop(id, "rule");
      if (c.kind == 4) binder.body(id, "Body " + std::string(name.substr(1)));
    };
    const std::string mode = kModes[below(4)];
    const bool listed = mode.find(',') != std::string::npos;
    Run run(
        plan,
        {{"metadata", mode}, {"include_bodies", below(2) ? "true" : "false"}, {"on_bad_value", below(4) ? "drop" : "reject"}});
    std::string text = "id"s + delimiter + "at";
    for (std::size_t i = 0; i < columns; ++i) text += delimiter + "c"s + std::to_string(i);
    text += "\n";
    const std::size_t rows = 1 + below(6);
    std::uint64_t values = 0, blanks = 0;
    for (std::size_t r = 0; r < rows; ++r) {
      text += std::to_string(r) + delimiter + (below(8) ? "2024-06-01T10:00Z" : "never");
      values += 2;
      for (std::size_t i = 0; i < columns; ++i) {
        const char* const cell = kCells[below(std::size(kCells))];
        text += delimiter + std::string(cell);
        ++(std::string_view(cell).find_first_not_of(" \"") == std::string_view::npos ? blanks : values);
      }
      text += "\n";
    }
    CAPTURE(text);
    CAPTURE(mode);
    REQUIRE(run.csv(text, 1 + below(200)) == "");
    const Summary s = run.books();
    REQUIRE(s.read == rows);
    REQUIRE(s.translated + s.rejected_total == rows);
    REQUIRE(run.records().size() == s.translated);
    REQUIRE(run.rejected().size() == s.rejected_total);
    REQUIRE(empty(s) == blanks);
    if (!listed) REQUIRE(accounted(s) == values);  // a listed field that is mapped is carried, too
    if (listed) REQUIRE(accounted(s) >= values);
    if (s.rejected_total == 0 && !listed) {
      std::uint64_t entries = 0;
      for (const Json& record : run.records()) entries += record.value("metadata", Json::object()).size();
      REQUIRE(entries == carried(s));
    }
  }
}

TEST_CASE("normalizer: a field that is listed or steers is mapped and carried") {
  Run run(plain(), {{"metadata", "subject"}});
  CHECK(run.csv(row("subject,queue_id", "s,q")) == "");
  CHECK(run.only().at("subject") == "s");
  CHECK(run.only().at("metadata").dump() == "{\"subject\":\"s\"}");
  CHECK(run.books().fields.at("subject").mapped == 1);
  CHECK(run.books().fields.at("subject").carried == 1);
}

TEST_CASE("normalizer: a field that is listed is carried once, also when it loses or does not fit") {
  Plan plan;
  plan.bind = maps({{"id", Target::external_id},
                    {"at", Target::started_at},
                    {"a", Target::queue_id, How::as_configured, 1},
                    {"b", Target::queue_id, How::as_configured, 0},
                    {"c", Target::csat_score}});
  Run run(plan, {{"metadata", "a,c"}});
  CHECK(run.csv(row("a,b,c", "1,2,9")) == "");
  CHECK(run.only().at("metadata").dump() == "{\"a\":\"1\",\"c\":\"9\"}");
  const Summary s = run.books();
  CHECK(s.fields.at("a").mapped == 0);
  CHECK(s.fields.at("a").carried == 1);
  CHECK(s.fields.at("c").mapped == 0);
  CHECK(s.fields.at("c").carried == 1);
}

// ---- names ---------------------------------------------------------------------------------------------------------------

TEST_CASE("normalizer: columns without a name and columns that stand twice") {
  Run run(plain());
  CHECK(run.csv("id,at,,x,x,\n1,2024-06-01T10:00Z,a,b,c,d\n") == "");
  CHECK(run.only().at("metadata").dump() == "{\"column 3\":\"a\",\"x\":\"b\",\"x (2)\":\"c\",\"column 6\":\"d\"}");
  CHECK(run.books().notes == std::vector<std::string>{"column 3 has no name in the header; it is called \"column 3\"",
                                                      "column \"x\" stands again as column 5; it is called \"x (2)\"",
                                                      "column 6 has no name in the header; it is called \"column 6\""});
  Run twice(plain());
  CHECK(twice.csv("id,at,subject,id\n1,2024-06-01T10:00Z,a,2\n") ==
        "the header has two columns called \"id\" (columns 1 and 4); which of them counts would be a guess\n  rename or remove "
        "one of them");
  Run clash(plain());
  CHECK(clash.csv("id,at,x,x (2),x\n1,2024-06-01T10:00Z,a,b,c\n") == "");
  CHECK(clash.only().at("metadata").dump() == "{\"x\":\"a\",\"x (2)\":\"b\",\"x (3)\":\"c\"}");
}

TEST_CASE("normalizer: a header with more text than names have room for is an answer, not a wait") {
  std::string header = "id,at";
  for (int i = 0; i < 9000; ++i) header += "," + std::to_string(100'000 + i) + std::string(1000, 'x');
  ::fflush(nullptr);
  const pid_t child = ::fork();  // where the answer never comes, the alarm ends the child and nothing else
  REQUIRE(child >= 0);
  if (child == 0) {
    ::alarm(20);
    Run run(plain());
    run.csv(header + "\n1,2024-06-01T10:00Z" + std::string(9000, ',') + "\n");
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK_FALSE(WIFSIGNALED(status));
}

TEST_CASE("normalizer: a second file with the same columns, with others, and with another delimiter") {
  Run run(plain());
  CHECK(run.csv("id,at,x\n1,2024-06-01T10:00Z,a\n") == "");
  run.file = 1;
  CHECK(run.csv("id;at;x\n2;2024-06-01T10:00Z;b\n") == "");
  CHECK(run.csv("y,x,at,id\nd,c,2024-06-01T10:00Z,3\n") == "");
  CHECK(run.json("{\"id\":\"4\",\"at\":\"2024-06-01T10:00:00Z\",\"x\":\"e\"}\n") == "");
  CHECK(run.csv("id,at,x\n5,2024-06-01T10:00Z,f\n") == "");
  std::string got;
  for (const Json& record : run.records()) got += record.at("external_id").get<std::string>() + record.at("metadata").dump();
  CHECK(got == "1{\"x\":\"a\"}2{\"x\":\"b\"}3{\"y\":\"d\",\"x\":\"c\"}4{\"x\":\"e\"}5{\"x\":\"f\"}");
  const Summary s = run.books();
  CHECK(s.read == 5);
  CHECK(s.fields.at("x").carried == 5);
  CHECK(s.fields.at("id").mapped == 5);
  CHECK(s.fields.at("y").carried == 1);
}

TEST_CASE("normalizer: an adapter that refuses the columns refuses the input") {
  Plan plan = plain();
  plan.refuses = [](std::span<const std::string_view> names) -> Result<void> {
    for (const std::string_view name : names) {
      if (name == "Ticket") return Error{Errc::data, "no", "yes"};
    }
    return {};
  };
  Run run(plan);
  CHECK(run.csv("id,Ticket\n1,2\n") == "no; the header (line 1, delimiter: comma) has 2 columns: \"id\", \"Ticket\"\n  yes");
  CHECK(run.out == "");
}

TEST_CASE("normalizer: after an adapter refused a name, nothing more of the block is translated") {
  Plan plan = plain();
  plan.refuses = [](std::span<const std::string_view> names) -> Result<void> {
    for (const std::string_view name : names) {
      if (name == "odd") return Error{Errc::data, "no", "yes"};
    }
    return {};
  };
  Run run(plan);
  const std::string record = ",\"at\":\"2024-06-01T10:00:00Z\"";
  CHECK(run.json("{\"id\":\"1\"" + record + "}\n{\"id\":\"2\"" + record + ",\"odd\":1}\n{\"id\":\"3\"" + record +
                 ",\"odd\":2}\n") == "no\n  yes");
  // What is there is JSON, and nothing of what came behind the refusal.
  CHECK_NOTHROW(static_cast<void>(run.records()));
  CHECK(run.out.find("\"3\"") == std::string::npos);
  const Summary s = run.books();
  CHECK(s.read == s.translated + s.filtered_total + s.rejected_total);
}

TEST_CASE("normalizer: behind an error that ends the run, broken records and repeated headers are not counted either") {
  Plan plan = plain();
  plan.refuses = [](std::span<const std::string_view> names) -> Result<void> {
    for (const std::string_view name : names) {
      if (name == "odd") return Error{Errc::data, "no", "yes"};
    }
    return {};
  };
  Run run(plan);
  CHECK(run.json("{\"id\":\"1\",\"odd\":1}\n{\"id\":\n[1]\n{\"id\":\"2\"}\n") == "no\n  yes");
  const Summary s = run.books();
  CHECK(s.read == 1);
  CHECK(s.rejected == std::map<std::string, std::uint64_t, std::less<>>{{"adapter_failed", 1}});
  CHECK(run.rejected().size() == 1);
}

TEST_CASE("normalizer: sixty thousand distinct keys stay in bounded memory and lose nothing") {
  constexpr int kRecords = 600, kKeys = 100;
  std::string text;
  for (int r = 0; r < kRecords; ++r) {
    text += "{\"id\":\"" + std::to_string(r) + "\",\"at\":\"2024-06-01T10:00:00Z\"";
    for (int k = 0; k < kKeys; ++k) text += ",\"key " + std::to_string(r * kKeys + k) + "\":" + std::to_string(r * kKeys + k);
    text += "}\n";
  }
  Run run(plain());
  REQUIRE(run.json(text, 64 << 10) == "");
  CHECK(run.rejects == "");
  const auto records = run.records();
  REQUIRE(records.size() == kRecords);
  for (int r = 0; r < kRecords; ++r) {
    const Json& metadata = records[static_cast<std::size_t>(r)].at("metadata");
    REQUIRE(metadata.size() == kKeys);
    for (int k = 0; k < kKeys; ++k) REQUIRE(metadata.at("key " + std::to_string(r * kKeys + k)) == r * kKeys + k);
  }
  const Summary s = run.books();
  CHECK(s.fields.size() <= NameTable::kStable + 1);
  CHECK(s.fields.contains("…"));
}

TEST_CASE("normalizer: the books have the fields of the last record, too, when names have run out") {
  std::string text;
  for (int i = 0; i < 60'000; ++i) text += "{\"id\":\"1\",\"at\":\"2024-06-01T10:00:00Z\",\"key " + std::to_string(i) + "\":1}\n";
  Run run(plain());
  REQUIRE(run.json(text) == "");
  CHECK(accounted(run.books()) == 180'000);
}

TEST_CASE("normalizer: what an adapter drops under ever new names is counted in bounded memory") {
  Plan plan = plain();
  plan.translate = [](Told& told) {
    for (const Field& f : told.record) {
      if (told.names[f.id].starts_with("key ")) told.out.drop(f, "of no use");
    }
  };
  plan.bind = [inner = plan.bind](std::uint16_t id, std::string_view name, Binder& binder) {
    inner(id, name, binder);
    if (name.starts_with("key ")) binder.claim(id);
  };
  std::string text;
  for (int i = 0; i < 60'000; ++i) text += "{\"id\":\"1\",\"at\":\"2024-06-01T10:00:00Z\",\"key " + std::to_string(i) + "\":1}\n";
  Run run(plan);
  REQUIRE(run.json(text) == "");
  const Summary s = run.books();
  CHECK(accounted(s) == 180'000);
  CHECK(s.fields.size() <= NameTable::kStable + 1);
}

// ---- walking arrays --------------------------------------------------------------------------------------------------------

namespace {

/// Sets the subject from the first message, carries every text under its number, counts the elements.
Plan walking(int& elements, bool& walked) {
  Plan plan = plain();
  plan.bind = [inner = plan.bind](std::uint16_t id, std::string_view name, Binder& binder) {
    inner(id, name, binder);
    if (name == "messages" || name == "others" || name.starts_with("messages[]")) binder.claim(id);
  };
  plan.translate = [&](Told& told) {
    for (const char* const array : {"messages", "others"}) {
      const Field* const field = told.field(array);
      if (field == nullptr) continue;
      walked = told.out.walk(*field, "messages[]", [&](const Record& element) {
        const Field* const text = told.find(element, "messages[].text");
        if (text == nullptr) return true;
        if (elements++ == 0) told.out.set(Target::subject, How::as_configured, 0, *text);
        return told.out.carry("text " + std::to_string(elements), *text, Form::as_is);
      });
    }
  };
  return plan;
}

}  // namespace

TEST_CASE("walk: elements are records of their own, their values stay good until the record is written") {
  int elements = 0;
  bool walked = false;
  Run run(walking(elements, walked));
  CHECK(run.json("{\"id\":\"1\",\"at\":\"2024-06-01T10:00:00Z\",\"messages\":[{\"text\":\"one\"},{\"text\":\"t\\nwo\",\"n\":1},7,"
                 "{}]}\n") == "");
  CHECK(walked);
  CHECK(run.only().at("subject") == "one");
  CHECK(run.only().at("metadata").dump() == "{\"text 1\":\"one\",\"text 2\":\"t\\nwo\"}");
  const Summary s = run.books();
  CHECK(s.fields.at("messages").mapped == 1);
  CHECK(s.fields.at("messages[].text").read == 2);
  CHECK(s.fields.at("messages[].text").carried == 2);
  CHECK(s.fields.at("messages[].n").dropped.at("list detail") == 1);
}

TEST_CASE("walk: what should be an array and is none stays a field of the record") {
  int elements = 0;
  bool walked = true;
  Run run(walking(elements, walked));
  CHECK(run.json("{\"id\":\"1\",\"at\":\"2024-06-01T10:00:00Z\",\"messages\":3}\n") == "");
  CHECK_FALSE(walked);
  CHECK(run.only().at("metadata").dump() == "{\"messages\":3}");
  CHECK(run.books().findings.contains("unused_field"));
}

TEST_CASE("walk: a second array does not change what was taken from the first") {
  int elements = 0;
  bool walked = false;
  Run run(walking(elements, walked));
  CHECK(run.json("{\"id\":\"1\",\"at\":\"2024-06-01T10:00:00Z\",\"messages\":[{\"text\":\"o\\tne\"},{\"text\":\"two\"}],"
                 "\"others\":[{\"text\":\"X\\tXX\"},{\"text\":\"YYY\"}]}\n") == "");
  CHECK(run.only().at("subject") == "o\tne");
  CHECK(run.only().at("metadata").dump() ==
        "{\"text 1\":\"o\\tne\",\"text 2\":\"two\",\"text 3\":\"X\\tXX\",\"text 4\":\"YYY\"}");
}

TEST_CASE("walk: a large array may be forgotten before its record is written") {
  const std::string large(700'000, 'x');
  int elements = 0;
  bool walked = false;
  Run run(walking(elements, walked));
  CHECK(run.json("{\"id\":\"1\",\"at\":\"2024-06-01T10:00:00Z\",\"messages\":[{\"text\":\"o\\tne\"},{\"text\":\"" + large +
                 "\"},{\"text\":\"" + large + "\\n\"}]}\n") == "");
  CHECK(run.only().at("subject") == "o\tne");
  CHECK(run.only().at("metadata").at("text 1") == "o\tne");
  CHECK(run.only().at("metadata").at("text 2") == large);
  CHECK(run.only().at("metadata").at("text 3") == large + "\n");
}

TEST_CASE("walk: new names in an array do not spoil what the record carries") {
  int elements = 0;
  bool walked = false;
  Run run(walking(elements, walked));
  std::string array;
  for (int i = 0; i < 3000; ++i) array += (i ? ",{\"n" : "{\"n") + std::to_string(i) + "\":1}";
  CHECK(run.json("{\"id\":\"1\",\"at\":\"2024-06-01T10:00:00Z\",\"a\":1,\"b\":2,\"messages\":[" + array + "]}\n") == "");
  CHECK(run.only().at("metadata").dump() == "{\"a\":1,\"b\":2}");
}

TEST_CASE("walk: what cannot be walked whole is not left out in silence") {
  int elements = 0;
  bool walked = true;
  Run run(walking(elements, walked));
  // The record is good JSON; one element's name is longer than names may be.
  CHECK(run.json("{\"id\":\"1\",\"at\":\"2024-06-01T10:00:00Z\",\"messages\":[{\"text\":\"one\"},{\"" + std::string(5000, 'n') +
                 "\":1},{\"text\":\"three\"}]}\n") == "");
  CHECK(run.out == "");
  CHECK(run.rejected().size() == 1);
}

TEST_CASE("walk: a name in an array that the adapter refuses ends the run as any other name does") {
  int elements = 0;
  bool walked = true;
  Plan plan = walking(elements, walked);
  plan.refuses = [](std::span<const std::string_view> names) -> Result<void> {
    for (const std::string_view name : names) {
      if (name == "messages[].odd") return Error{Errc::data, "no", "yes"};
    }
    return {};
  };
  Run run(plan);
  const std::string record = "\"at\":\"2024-06-01T10:00:00Z\"";
  CHECK(run.json("{\"id\":\"1\"," + record + ",\"messages\":[{\"text\":\"a\"}]}\n{\"id\":\"2\"," + record +
                 ",\"messages\":[{\"odd\":1}]}\n{\"id\":\"3\"," + record + ",\"messages\":[{\"odd\":1}]}\n") == "no\n  yes");
  CHECK(run.records().size() == 1);
  CHECK(elements == 1);  // the refused element and those behind it are not handed out
}

TEST_CASE("walk: only arrays, and no further than the adapter wants") {
  int seen = 0;
  bool not_array = true, stopped = true;
  Plan plan = plain();
  plan.translate = [&](Told& told) {
    not_array = told.out.walk(*told.field("text"), "x", [&](const Record&) { return true; });
    stopped = told.out.walk(*told.field("list"), "x", [&](const Record& element) {
      REQUIRE(element.count == 1);
      CHECK(told.names[element.begin()->id] == "x");
      return ++seen < 2;
    });
  };
  Run run(plan);
  CHECK(run.json("{\"id\":\"1\",\"at\":\"2024-06-01T10:00:00Z\",\"text\":\"[1]\",\"list\":[1,\"b\",null]}\n") == "");
  CHECK_FALSE(not_array);
  CHECK(seen == 2);
  CHECK_FALSE(stopped);
}

TEST_CASE("walk: a record refused inside a walk is refused once") {
  Plan plan = plain();
  int seen = 0;
  plan.translate = [&](Told& told) {
    told.out.walk(*told.field("list"), "x", [&](const Record&) {
      ++seen;
      return told.out.refuse({"no_use", "list", "1", "why", "how"});
    });
    CHECK_FALSE(told.out.set(Target::subject, How::as_configured, 0, made("x")));
  };
  Run run(plan);
  CHECK(run.json("{\"id\":\"1\",\"at\":\"2024-06-01T10:00:00Z\",\"list\":[1,2]}\n") == "");
  CHECK(seen == 1);
  CHECK(run.only_reject().at("code") == "no_use");
  CHECK(run.out == "");
}

// ---- contributions ---------------------------------------------------------------------------------------------------------

TEST_CASE("contributions: what a record says, with its version, scope and place") {
  Run run(plain(), {}, "UTC", RecordRole::update);
  run.file = 1;
  CHECK(run.json("\n{\"id\":\"1\",\"at\":\"2024-06-01T10:00:00Z\",\"version\":\"2024-06-02T10:00:00.5Z\",\"scope\":\"org\","
                 "\"status\":\"open\",\"x\":[1 , 2]}\n"
                 "{\"id\":\"2\",\"at\":\"2024-06-01T10:00:00Z\"}\n") == "");
  CHECK(run.out == "");
  const std::vector<Contribution> all = run.contributions();
  REQUIRE(all.size() == 2);
  const Contribution& c = all[0];
  CHECK(c.conversation.external_id == "1");
  CHECK(c.conversation.status == "open");
  CHECK(c.conversation.channel == Channel::none);  // the default is for what nothing says in the end
  CHECK(c.scope == "org");
  CHECK(c.version.seconds == 1'717'322'400);
  CHECK(c.version.nanos == 500'000'000);
  CHECK(c.version.file == 1);  // of records that were updated at the same time the place decides
  CHECK(c.version.offset == 1);
  CHECK(c.origin.file == 1);
  CHECK(c.origin.line == 2);
  CHECK(c.origin.offset == 1);
  std::string metadata;
  for (const MetadataItem& item : c.metadata) metadata += std::string(item.key) + std::string(item.value) + " ";
  CHECK(metadata == "\"version\":\"2024-06-02T10:00:00.5Z\" \"scope\":\"org\" \"x\":[1,2] ");
  CHECK(all[1].version.seconds == INT64_MIN);
  CHECK(all[1].version.file == 1);
  CHECK(all[1].version.offset == all[1].origin.offset);
  CHECK(all[1].scope == "");
  CHECK(all[1].metadata.empty());
  CHECK(all[0].version > all[1].version);
  CHECK(run.books().translated == 2);
}

TEST_CASE("contributions: an update time that is none is said") {
  Run run(plain(), {}, "UTC", RecordRole::update);
  CHECK(run.json("{\"id\":\"1\",\"at\":\"2024-06-01T10:00:00Z\",\"version\":\"yesterday\"}\n") == "");
  const Summary s = run.books();
  CHECK(s.bad_values.contains("version"));
  CHECK(run.contributions().size() == 1);
}

TEST_CASE("contributions: a record whose channel word no rule covers is no part of the fold") {
  Plan plan = plain();
  plan.setup = [](Setup& setup) { setup.word(Target::channel, "mail", "email"); };
  Run run(plan, {{"default_channel", "chat"}}, "UTC", RecordRole::update);
  CHECK(run.json("{\"id\":\"1\",\"at\":\"2024-06-01T10:00:00Z\",\"channel\":\"fax\"}\n{\"id\":\"1\",\"at\":\"2024-06-01T10:00:"
                 "00Z\",\"channel\":\"mail\"}\n") == "");
  CHECK(run.only_reject().at("code") == "unknown_channel");
  REQUIRE(run.contributions().size() == 1);
  CHECK(run.contributions()[0].conversation.channel == Channel::email);
}

namespace {

/// An event source: a touchpoint from the fields when, kind, dir, tid, user, dur, subj.
Plan events() {
  Plan plan = plain();
  plan.bind = [inner = plan.bind](std::uint16_t id, std::string_view name, Binder& binder) {
    inner(id, name, binder);
    for (const char* const mine : {"when", "dir", "tid", "user", "dur", "subj"}) {
      if (name == mine) binder.claim(id);
    }
  };
  plan.translate = [](Told& told) {
    const auto text = [&](const char* name) {
      return told.field(name) == nullptr ? std::string_view() : told.field(name)->view();
    };
    TouchpointText t;
    t.kind = TouchKind::call;
    t.direction = text("dir") == "in" ? Direction::inbound : Direction::outbound;
    t.duration_how = How::minutes;
    t.id = text("tid");
    t.at = text("when");
    t.user = text("user");
    t.duration = text("dur");
    t.subject = text("subj");
    told.out.touchpoint(t);
  };
  return plan;
}

}  // namespace

TEST_CASE("touchpoints: understood, and theirs to the record") {
  Run run(events(), {}, "America/New_York", RecordRole::event);
  CHECK(run.json(
            "{\"id\":\"1\",\"when\":\"2024-11-03 "
            "01:30\",\"dir\":\"in\",\"tid\":\"t\",\"user\":\"u\",\"dur\":\"1.5\",\"subj\":\"s\"}\n"
            "{\"id\":\"1\",\"when\":\"2024-06-01T10:00:00Z\",\"tid\":\"t\"}\n{\"id\":\"1\",\"when\":\"2024-06-01T10:00:00Z\"}\n"
            "{\"id\":\"1\",\"when\":\"2024-06-01T10:00:00Z\"}\n") == "");
  const std::vector<Touchpoint> all = run.touchpoints();
  REQUIRE(all.size() == 4);
  const Touchpoint& t = all[0];
  CHECK(t.kind == TouchKind::call);
  CHECK(t.direction == Direction::inbound);
  CHECK(t.at == Instant{1'730'611'800, 0});
  CHECK(t.how == Known::repeated_earlier);
  CHECK(t.user == "u");
  CHECK(t.subject == "s");
  CHECK(t.has_duration);
  CHECK(t.duration == Decimal{900, 1});
  CHECK(t.version == run.contributions()[0].version);
  CHECK(t.id == all[1].id);
  CHECK(all[2].id != all[3].id);  // without an id every record is its own
  CHECK_FALSE(all[1].has_duration);
  CHECK(run.contributions()[1].touchpoints.size() == 1);
  const Summary s = run.books();
  CHECK(s.touchpoints == 4);
  CHECK(s.times.at("touchpoints")[static_cast<std::size_t>(Known::repeated_earlier)] == 1);
  CHECK(s.times.at("touchpoints")[static_cast<std::size_t>(Known::offset)] == 3);
}

TEST_CASE("touchpoints: without a time, or with one that is none, the record is refused") {
  Run run(events(), {}, "UTC", RecordRole::event);
  CHECK(run.json("{\"id\":\"1\"}\n{\"id\":\"2\",\"when\":\"later\"}\n") == "");
  const auto rejects = run.rejected();
  REQUIRE(rejects.size() == 2);
  CHECK(rejects[0].at("code") == "missing_time");
  CHECK(rejects[0].at("field") == "touchpoint");
  CHECK(rejects[0].at("message") == "the text is empty where a time should be");
  CHECK(rejects[0].at("cure") == "leave the field out, or give a time");
  CHECK(rejects[1].at("code") == "bad_time");
  CHECK(rejects[1].at("found") == "later");
  CHECK(rejects[1].at("message") == "'later' is not written as the times of this source are");
  CHECK(run.touchpoints().empty());
  CHECK(run.books().touchpoints == 0);
}

TEST_CASE("touchpoints: a bad duration is said and takes nothing else with it") {
  for (const char* const duration : {"long", "-5"}) {
    Run run(events(), {}, "UTC", RecordRole::event);
    CHECK(run.json(std::string("{\"id\":\"1\",\"when\":\"2024-06-01T10:00:00Z\",\"dur\":\"") + duration + "\"}\n") == "");
    CHECK(run.rejects == "");
    REQUIRE(run.touchpoints().size() == 1);
    CHECK_FALSE(run.touchpoints()[0].has_duration);
    const BadValue bad = run.books().bad_values.at("handle_time_seconds").at("bad_duration of a touchpoint");
    CHECK(bad.count == 1);
    CHECK(bad.found == duration);
    CHECK(bad.message ==
          "the duration of a touchpoint is not a number of seconds that is 0 or more; the conversation has no handle time then");

    Run strict(events(), {{"on_bad_value", "reject"}}, "UTC", RecordRole::event);
    CHECK(strict.json(std::string("{\"id\":\"1\",\"when\":\"2024-06-01T10:00:00Z\",\"dur\":\"") + duration + "\"}\n") == "");
    CHECK(strict.only_reject().at("code") == "bad_duration");
    CHECK(strict.touchpoints().empty());
  }
}

TEST_CASE("touchpoints: a bad duration does not erase the handle time that the record itself says") {
  Run run(events(), {}, "UTC", RecordRole::event);
  CHECK(run.json("{\"id\":\"1\",\"when\":\"2024-06-01T10:00:00Z\",\"dur\":\"long\",\"handle_time_seconds\":\"75\"}\n") == "");
  REQUIRE(run.contributions().size() == 1);
  CHECK(run.contributions()[0].conversation.handle_time == Decimal{75, 0});
}

TEST_CASE("batch: clear() forgets everything") {
  Batch b;
  b.out.add("x");
  b.rejects.add("y");
  b.id_hashes.push_back(1);
  b.contributions.add("c");
  b.ledger.add("l");
  b.books.read = b.books.rejected_total = b.written = b.bytes = 1;
  b.error = Error{};
  b.clear();
  CHECK(b.out.empty());
  CHECK(b.rejects.empty());
  CHECK(b.id_hashes.empty());
  CHECK(b.contributions.empty());
  CHECK(b.ledger.empty());
  CHECK(b.books.read + b.books.rejected_total + b.written + b.bytes == 0);
  CHECK_FALSE(b.error.has_value());
}
