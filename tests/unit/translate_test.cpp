#include "crosswalk/translate.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "folder.hpp"
#include "zip_archive.hpp"

using namespace crosswalk;
using namespace std::string_literals;
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {

// ---- files ----------------------------------------------------------------------------------------------------------

std::size_t count_lines(const std::string& text) { return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')); }

std::string gzip(const std::string& plain) {
  z_stream z{};
  REQUIRE(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
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

/// Takes what is written to a named pipe, in a thread of its own: an output that cannot be taken back.
class Pipe {
 public:
  explicit Pipe(std::string path) : path_(std::move(path)) {
    REQUIRE(::mkfifo(path_.c_str(), 0600) == 0);
    reader_ = std::thread([this] {
      const int fd = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
      char bytes[1 << 16];
      for (ssize_t n; fd >= 0 && (n = ::read(fd, bytes, sizeof bytes)) > 0;) got_.append(bytes, static_cast<std::size_t>(n));
      ::close(fd);
    });
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() { close(); }
  [[nodiscard]] const std::string& path() const { return path_; }
  std::string close() {
    if (reader_.joinable()) {
      const int fd = ::open(path_.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);  // in case nobody wrote
      if (fd >= 0) ::close(fd);
      reader_.join();
    }
    return got_;
  }

 private:
  std::string path_, got_;
  std::thread reader_;
};

// ---- adapters --------------------------------------------------------------------------------------------------------

/// Maps fields that bear a target's name; id and at besides. Event sources make a touchpoint of when, kind, dir.
class FakeTranslator final : public Translator {
 public:
  explicit FakeTranslator(bool events) : events_(events) {}
  Result<void> bind(std::uint16_t first, std::span<const std::string_view> names, Binder& binder) override {
    if (names_.size() < first + names.size()) names_.resize(first + names.size());
    for (std::size_t i = 0; i < names.size(); ++i) {
      const auto id = static_cast<std::uint16_t>(first + i);
      names_[id] = std::string(names[i]);
      if (names[i] == "id") binder.map(id, Target::external_id, How::as_configured, 0);
      if (names[i] == "at") binder.map(id, Target::started_at, How::as_configured, 0);
      for (std::size_t t = 2; t < kTargetCount; ++t) {
        const auto target = static_cast<Target>(t);
        if (target != Target::started_at && name_of(target) == names[i]) binder.map(id, target, How::seconds, 0);
      }
      if (events_ && (names[i] == "when" || names[i] == "kind" || names[i] == "tid")) binder.claim(id);
      if (names[i] == "forbidden") return Error{Errc::data, "forbidden is forbidden", "leave it out"};
    }
    return {};
  }
  [[nodiscard]] bool translates() const override { return true; }
  void translate(const Record& record, Receiver& out) override {
    TouchpointText t;
    bool touched = false;
    for (const Field& f : record) {
      const std::string& name = names_[f.id];
      if (name == "draft" && f.view() == "yes") {
        out.filter("draft");
        return;
      }
      if (!events_) continue;
      if (name == "when") {
        t.at = f.view();
        touched = true;
      }
      if (name == "kind")
        t.kind = f.view() == "email" ? TouchKind::email : f.view() == "call" ? TouchKind::call : TouchKind::note;
      if (name == "tid") t.id = f.view();
    }
    if (touched) out.touchpoint(t);
  }

 private:
  bool events_;
  std::vector<std::string> names_;
};

class FakeAdapter final : public Adapter {
 public:
  explicit FakeAdapter(AdapterInfo info) : info_(std::move(info)) {}
  [[nodiscard]] const AdapterInfo& info() const override { return info_; }
  [[nodiscard]] Result<std::unique_ptr<Translator>> open(Setup& setup) const override {
    setup.word(Target::channel, "mail", "email");
    setup.word(Target::channel, "call", "phone");
    setup.others(Target::status, Others::lower);
    if (setup.setting("broken") == "true") return Error{Errc::usage, "broken on purpose", "set broken=false"};
    return std::unique_ptr<Translator>(std::make_unique<FakeTranslator>(info_.role == RecordRole::event));
  }

 private:
  AdapterInfo info_;
};

class FakeCatalog final : public AdapterCatalog {
 public:
  FakeCatalog() {
    add("rows", RecordRole::conversation, {Framing::csv}, {{Framing::csv, 50, {"id", "at"}, {}, {}}});
    add("both", RecordRole::conversation, {Framing::csv, Framing::json}, {});
    add("updates", RecordRole::update, {Framing::json}, {{Framing::json, 50, {"id", "at"}, {}, {}}});
    add("events", RecordRole::event, {Framing::json}, {{Framing::json, 50, {"id", "when"}, {}, {}}});
  }
  [[nodiscard]] std::vector<const AdapterInfo*> adapters() const override {
    std::vector<const AdapterInfo*> all;
    for (const auto& adapter : adapters_) all.push_back(&adapter->info());
    return all;
  }
  [[nodiscard]] Result<std::shared_ptr<const Adapter>> load(std::string_view id) override {
    for (const auto& adapter : adapters_) {
      if (adapter->info().id == id) return std::shared_ptr<const Adapter>(adapter);
    }
    return Error{Errc::usage, "there is no adapter \"" + std::string(id) + "\"", "there are others"};
  }

 private:
  void add(std::string id, RecordRole role, std::vector<Framing> framings, std::vector<IdentifyRule> rules) {
    AdapterInfo info;
    info.id = info.platform = std::move(id);
    info.version = "1.0.0";
    info.framings = std::move(framings);
    info.role = role;
    info.identify = std::move(rules);
    info.options = {{"broken", Option::Type::boolean, "false", {}, ""}};
    adapters_.push_back(std::make_shared<FakeAdapter>(std::move(info)));
  }
  std::vector<std::shared_ptr<FakeAdapter>> adapters_;
};

// ---- runs ---------------------------------------------------------------------------------------------------------------

TranslateOptions options(std::vector<std::string> inputs, const std::string& adapter = {}) {
  TranslateOptions o;
  o.inputs = std::move(inputs);
  o.adapter = adapter;
  o.time_zone = "UTC";
  o.jobs = 1;
  o.settings["default_channel"] = "chat";
  o.settings["time_format"] = "iso";
  return o;
}

struct Outcome {
  std::string error;  ///< Error::text(), empty when it went well
  Errc code = Errc::internal;
  std::string out, rejects;
  Summary summary;
  std::string books;  ///< the summary's JSON without what differs from run to run
};

std::string steady(const Summary& summary) {
  Json json = Json::parse(summary.json());
  for (const char* key : {"seconds", "records_per_second", "peak_memory_bytes", "jobs"}) json.erase(key);
  return json.dump(1) + summary.text();
}

/// Runs with files for output and rejects, and looks after the folder: nothing but finished files may be left.
Outcome run(TranslateOptions o, const TranslateHooks& hooks = {}) {
  const Folder folder;
  FakeCatalog catalog;
  Outcome outcome;
  if (o.output == "-") o.output = folder / "out";
  if (o.rejects.empty()) o.rejects = folder / "rejects";
  const auto result = translate(o, catalog, outcome.summary, hooks);
  if (!result) {
    outcome.error = result.error().text();
    outcome.code = result.error().code;
  }
  outcome.out = content(folder / "out");
  outcome.rejects = content(folder / "rejects");
  outcome.books = steady(outcome.summary);
  CHECK(folder.names().find("partial") == std::string::npos);
  CHECK(fs::exists(folder / "out") == (result.ok() && o.output == folder / "out"));
  return outcome;
}

/// CSV rows number `from` to `to`; every hundredth has a bad time, every fiftieth a draft, values of all sorts.
std::string rows(std::size_t from, std::size_t to, bool header = true) {
  std::string text = header ? "id,at,channel,status,draft,csat_score,note\n" : "";
  for (std::size_t i = from; i < to; ++i) {
    text += std::to_string(i) + (i % 100 == 7 ? ",never," : ",2024-06-01T10:00:00Z,") + (i % 3 ? "mail," : "call,") +
            (i % 5 ? "Open," : "solved,") + (i % 50 == 9 ? "yes," : ",") + (i % 40 == 3 ? "11," : "4,") + "\"note \"\"" +
            std::to_string(i % 7) + "\"\"\n second line\"\n";
  }
  return text;
}

/// JSON updates, `each` of every one of `ids` conversations, the ids mixed.
std::string updates(std::size_t ids, std::size_t each, std::size_t shift = 0) {
  std::string text;
  for (std::size_t n = 0; n < ids * each; ++n) {
    const std::size_t i = (n * 7919 + shift) % (ids * each), id = i % ids, turn = i / ids;
    text += "{\"id\":\"" + std::to_string(id) + "\",\"at\":\"2024-06-01T10:00:" + (turn < 10 ? "0" : "") + std::to_string(turn) +
            "Z\",\"version\":\"2024-06-02T10:00:" + (turn < 10 ? "0" : "") + std::to_string(turn) + "Z\",\"status\":\"S" +
            std::to_string(turn) + "\",\"k" + std::to_string(turn % 4) + "\":" + std::to_string(i) + "}\n";
  }
  return text;
}

}  // namespace

// ---- what comes out ---------------------------------------------------------------------------------------------------

TEST_CASE("translate: a small file, whole") {
  const Folder in;
  const Outcome o =
      run(options({in.file("a.csv", "id,at,channel,x\n1,2024-06-01 10:00,mail,\"a,b\"\n2,never,mail,\n1,2024-06-01 11:00,,\n")}));
  CHECK(o.error == "");
  CHECK(o.out ==  // the later of two records without an update time
        "{\"external_id\":\"1\",\"platform\":\"rows\",\"channel\":\"chat\",\"started_at\":\"2024-06-01T11:00:00Z\"}\n");
  const Json reject = Json::parse(o.rejects);
  CHECK(reject.at("source") == "rows");
  CHECK(reject.at("file") == (in / "a.csv"));
  CHECK(reject.at("line") == 3);
  CHECK(reject.at("offset") == 16 + 30);
  CHECK(reject.at("code") == "bad_time");
  CHECK(reject.at("record") == "2,never,mail,");
  const Summary& s = o.summary;
  CHECK(s.source == "rows");
  CHECK(s.adapter == "rows");
  CHECK(s.adapter_version == "1.0.0");
  CHECK(s.inputs == std::vector<std::string>{in / "a.csv"});
  CHECK(s.read == 3);
  CHECK(s.translated == 2);
  CHECK(s.written == 1);
  CHECK(s.superseded == 1);
  CHECK(s.merged == 0);
  CHECK(s.rejected_total == 1);
  CHECK(s.repeated_ids == 0);
  CHECK(s.ids_compared == 1);
  CHECK(s.bytes_written == o.out.size());
  CHECK(s.time_zone == "UTC");
  CHECK(s.disambiguation == "compatible");
  CHECK(s.time_format == "iso");
  CHECK(s.jobs == 1);
  CHECK(s.seconds > 0);
  CHECK(s.peak_memory > 0);
  CHECK(s.balance().ok());
}

TEST_CASE("translate: the adapters bid, or one is named, and the source is called what it is called") {
  const Folder in;
  CHECK(run(options({in.file("a.csv", rows(0, 3))})).summary.adapter == "rows");
  CHECK(run(options({in.file("a.json", updates(2, 1))})).summary.adapter == "updates");
  auto named = options({in / "a.csv"}, "both");
  named.source_name = "my tickets";
  const Outcome o = run(named);
  CHECK(o.error == "");
  CHECK(o.summary.adapter == "both");
  CHECK(o.summary.source == "my tickets");
  CHECK(o.out.find("\"platform\":\"both\"") != std::string::npos);
}

TEST_CASE("translate: several files, globs, and compressed ones are one source") {
  const Folder in;
  in.file("a1.csv", rows(0, 10));
  in.file("a2.csv", gzip(rows(10, 20)));
  in.file("a3.csv", "status;at;id\nnew;2024-06-01T10:00:00Z;x1\n");
  in.file("other.csv", rows(20, 30));
  in.file("same.csv", rows(0, 10));
  in.file("again.csv", rows(0, 10) + "\n");
  auto all = options({in / "a?.csv", in / "other.csv", in / "a1.csv", in / "same.csv", in / "again.csv"});
  all.settings["fold"] = "false";  // each record as it comes
  const Outcome o = run(all);
  CHECK(o.error == "");
  CHECK(o.summary.notes ==
        std::vector<std::string>{(in / "a1.csv") + " is named twice, and read once",
                                 (in / "same.csv") + " has the same bytes as " + (in / "a1.csv") + ", and is not read again"});
  CHECK(o.summary.inputs.size() == 5);
  CHECK(o.summary.inputs[1] == (in / "a2.csv"));
  CHECK(o.summary.read == 41);
  CHECK(o.summary.repeated_ids == 8);  // of ten rows one has a bad time and one is a draft
  std::string expected;
  for (const char* name : {"a1.csv", "a2.csv", "a3.csv", "other.csv", "again.csv"})
    expected += run(options({in / name}, "rows")).out;
  CHECK(o.out == expected);
  CHECK(Json::parse(o.rejects.substr(o.rejects.rfind("\n", o.rejects.size() - 2) + 1)).at("file") == (in / "again.csv"));
}

namespace {

/// Rows of a snapshot, some of whose ids come again, and which of them are the newest.
struct Tickets {
  std::string text = "id,at,version,status\n";
  std::map<std::string, std::pair<int, int>> newest;  // by id: when and where
  std::map<int, std::string> by_place;
  std::uint64_t rows = 0;

  Tickets(int rows_wanted, int ids, int times) {
    std::uint32_t random = 7;
    const auto below = [&random](int n) {
      random = random * 1664525 + 1013904223;
      return static_cast<int>(random >> 8) % n;
    };
    for (int row = 0; row < rows_wanted; ++row, ++rows) {
      const std::string id = (below(5) == 0 ? "q\"" : "") + std::to_string(below(ids));
      const int when = below(times);  // 0: none
      std::string version;
      if (when != 0) version = "2024-06-02T10:00:" + std::string(when < 10 ? "0" : "") + std::to_string(when) + "Z";
      std::string cell = "\"";
      for (const char c : id) cell += c == '"' ? std::string("\"\"") : std::string(1, c);
      text += cell + "\",2024-06-01T10:00:00Z," + version + ",s" + std::to_string(row) + "\n";
      auto& known = newest[id];
      if (known.second == 0 || known.first <= when) known = {when, row + 1};
    }
    for (const auto& [id, at] : newest) by_place[at.second] = "s" + std::to_string(at.second - 1);
  }
  /// The statuses of the rows that stay, in their order.
  [[nodiscard]] std::string expected() const {
    std::string all;
    for (const auto& [place, status] : by_place) all += status + " ";
    return all;
  }
};

std::string statuses(const std::string& out, bool bulk) {
  std::string all;
  std::istringstream lines(out);
  for (std::string line; std::getline(lines, line);) {
    const Json parsed = Json::parse(line);
    if (!bulk) {
      all += parsed.at("status").get<std::string>() + " ";
      continue;
    }
    CHECK(parsed.at("conversations").size() <= kBulkSize);
    for (const Json& c : parsed.at("conversations")) all += c.at("status").get<std::string>() + " ";
  }
  return all;
}

}  // namespace

TEST_CASE("translate: of a snapshot's ids that come again a file holds the newest, at its place") {
  const Folder in;
  for (const auto& [rows, ids] : {std::pair(40, 4), {3000, 50}, {5000, 4900}}) {
    const Tickets tickets(rows, ids, 40);
    for (const bool bulk : {false, true}) {
      auto o = options({in.file("a.csv", tickets.text)});
      o.format = bulk ? OutputFormat::bulk : OutputFormat::jsonl;
      const Outcome newest = run(o);
      CHECK(newest.error == "");
      CHECK(statuses(newest.out, bulk) == tickets.expected());
      CHECK(newest.summary.written == tickets.newest.size());
      CHECK(newest.summary.superseded == tickets.rows - tickets.newest.size());
      CHECK(newest.summary.repeated_ids == 0);
      CHECK(newest.summary.bytes_written == newest.out.size());
      CHECK(newest.summary.balance().ok());
      o.jobs = 3;
      CHECK(run(o).out == newest.out);
      // Merging says the same of them, and of what was decided by their places.
      o.settings["fold"] = "true";
      const Outcome merged = run(o);
      CHECK(merged.summary.written == newest.summary.written);
      CHECK(merged.summary.superseded == newest.summary.superseded);
      std::uint64_t by_place = 0;
      for (const char* code : {"equal_update_times", "no_update_time"}) {
        const auto count = [&](const Summary& s) { return s.findings.contains(code) ? s.findings.at(code).count : 0; };
        CHECK(count(merged.summary) == count(newest.summary));
        by_place += count(newest.summary);
      }
      CHECK(by_place != 0);
      o.settings["fold"] = "false";
      CHECK(run(o).summary.written == tickets.rows);
    }
  }
}

TEST_CASE("translate: where lines cannot be taken back, it is said how many are superseded") {
  const Folder in;
  const auto piped = [&](const std::string& rows) {
    auto o = options({in.file("a.csv", "id,at,version\n" + rows)});
    Pipe pipe(in / "pipe");
    o.output = pipe.path();
    Summary summary;
    FakeCatalog catalog;
    CHECK(translate(o, catalog, summary).ok());
    CHECK(count_lines(pipe.close()) == count_lines(rows));
    fs::remove(in / "pipe");
    CHECK(summary.superseded == 0);
    return summary;
  };
  const std::string at = ",2024-06-01T10:00:00Z,2024-06-02T10:00:0";
  const Summary forwards = piped("1" + at + "1Z\n1" + at + "2Z\n1" + at + "2Z\n2" + at + "1Z\n");
  CHECK(forwards.repeated_ids == 2);
  CHECK(forwards.repeated_backwards == 0);
  CHECK(forwards.text().find("2 records are superseded by a newer or a later one with the same id; --output FILE leaves only the "
                             "newest, or where that is not known the last, --set fold=true merges them from the start") !=
        std::string::npos);
  CHECK(forwards.findings.at("equal_update_times").count == 1);
  const Summary dated = piped("1" + at + "1Z\n1" + at + "2Z\n2" + at + "1Z\n");
  CHECK(dated.text().find("1 record is superseded by a newer one with the same id; --output FILE leaves only the newest, "
                          "--set fold=true merges them from the start") != std::string::npos);
  CHECK(dated.findings.empty());
  const Summary backwards = piped("1" + at + "3Z\n1" + at + "2Z\n1" + at + "1Z\n2" + at + "1Z\n");
  CHECK(backwards.repeated_ids == 2);
  CHECK(backwards.repeated_backwards == 2);
  CHECK(backwards.text().find("and update times fall backwards: 2 of them behind the newer one") != std::string::npos);
}

TEST_CASE("translate: bulk bodies") {
  const Folder in;
  auto o = options({in.file("a.csv", rows(0, 1300))});
  const Outcome lines = run(o);
  o.format = OutputFormat::bulk;
  const Outcome bodies = run(o);
  CHECK(bodies.summary.written == lines.summary.written);
  std::string records;
  std::size_t bodies_seen = 0;
  std::istringstream all(bodies.out);
  for (std::string line; std::getline(all, line); ++bodies_seen) {
    const Json list = Json::parse(line).at("conversations");
    CHECK(list.size() == (bodies_seen < 2 ? 500 : lines.summary.written - 1000));
    for (const Json& record : list) records += record.dump() + "\n";
  }
  CHECK(bodies_seen == 3);
  CHECK(records == lines.out);
}

TEST_CASE("translate: an empty file, blanks alone, a header alone") {
  const Folder in;
  for (const std::string& text : {""s, "\n\n"s, "id,at\n"s, "id,at"s}) {
    CAPTURE(text);
    const Outcome o = run(options({in.file("a.csv", text)}, "rows"));
    CHECK(o.error == "");
    CHECK(o.out == "");
    CHECK(o.summary.read == 0);
    CHECK(o.summary.written == 0);
  }
  CHECK(run(options({in.file("a.csv", "")}, "rows")).summary.notes ==
        std::vector<std::string>{(in / "a.csv") + ": the input is empty"});
  CHECK(run(options({in / "a.csv"})).error ==
        (in / "a.csv") + ": the input is empty, so no adapter can recognise it\n  say which one with --adapter ID");
  const Outcome among = run(options({in.file("b.csv", rows(0, 3)), in / "a.csv", in.file("c.csv", rows(3, 6))}));
  CHECK(among.error == "");
  CHECK(among.summary.read == 6);
}

TEST_CASE("translate: mistakes are said before anything is written") {
  const Folder in;
  const std::string a = in.file("a.csv", rows(0, 3));
  const auto error = [](const TranslateOptions& o) {
    const Outcome outcome = run(o);
    CHECK(outcome.out == "");
    CHECK(outcome.summary.read == 0);
    return outcome.error;
  };
  CHECK(error(options({})) == "no input given\n  name files, globs, or - for standard input");
  CHECK(error(options({in / "none.csv"})).find("none.csv") != std::string::npos);
  CHECK(error(options({in / "none*.csv"})).find("none*.csv") != std::string::npos);
  CHECK(error(options({in / ""})) != "");
  CHECK(error(options({a}, "nobody")) == "there is no adapter \"nobody\"\n  there are others");
  auto setting = options({a});
  setting.settings["metdata"] = "all";
  CHECK(error(setting) == "adapter rows has no setting \"metdata\"\n  did you mean \"metadata\"?");
  auto broken = options({a});
  broken.settings["broken"] = "true";
  broken.jobs = 3;
  CHECK(error(broken) == "broken on purpose\n  set broken=false");
  auto zone = options({a});
  zone.time_zone = "Nowhere";
  CHECK(error(zone).find("Nowhere") != std::string::npos);
  auto output = options({a});
  output.output = in / "no/such/folder";
  const std::string said = (in / "no/such/folder") + ": cannot open for writing: No such file or directory\n  make the folder " +
                           (in / "no/such") + " first, or name another file with ";
  CHECK(error(output) == said + "--output");
  auto rejects = options({a});
  rejects.rejects = in / "no/such/folder";
  CHECK(error(rejects) == said + "--rejects");
  CHECK(in.names() == "a.csv");
}

TEST_CASE("translate: an empty first input does not keep the adapters from bidding on the next") {
  const Folder in;
  const std::string empty = in.file("a.csv", ""), blank = in.file("b.csv", "\n \n"), good = in.file("c.csv", rows(0, 5));
  const Outcome o = run(options({empty, blank, good}));
  CHECK(o.error == "");
  CHECK(o.summary.adapter == "rows");
  CHECK(o.summary.read == 5);
  CHECK(run(options({empty, blank})).error.find("the input is empty, so no adapter can recognise it") != std::string::npos);
}

TEST_CASE("translate: an input is never written over, and no file written to twice") {
  const Folder in;
  const std::string a = in.file("a.csv", rows(0, 5)), b = in.file("b.csv", rows(5, 9)), before = content(b);
  fs::create_symlink(b, in / "link.csv");
  for (const std::string& same :
       {b, in / "link.csv", (in / "../") + fs::path(in / "").parent_path().filename().string() + "/b.csv"}) {
    CAPTURE(same);
    auto o = options({a, b});
    o.output = same;
    CHECK(run(o).error == same + ": this is an input, and would be overwritten\n  name another file with --output");
    o = options({a, b});
    o.rejects = same;
    CHECK(run(o).error == same + ": this is an input, and would be overwritten\n  name another file with --rejects");
    o = options({a, b});
    o.summary = same;
    CHECK(run(o).error == same + ": this is an input, and would be overwritten\n  name another file with --summary");
  }
  CHECK(content(b) == before);
  auto o = options({a});
  o.output = o.rejects = in / "out";
  CHECK(run(o).error == (in / "out") + ": --output and --rejects name the same file\n  give each its own");
  CHECK_FALSE(fs::exists(in / "out"));
  fs::create_symlink("out", in / "link");
  o.rejects = in / "rejects";
  o.summary = in / "link";
  CHECK(run(o).error == (in / "link") + ": --output and --summary name the same file\n  give each its own");
  CHECK_FALSE(fs::exists(in / "out"));
  o.output = o.rejects = o.summary = "/dev/null";
  CHECK(run(o).error == "");
}

TEST_CASE("translate: a full disk ends the run with the disk's error, whatever the number of workers") {
  const Folder in;
  const std::string a = in.file("a.csv", rows(0, 20'000));
  for (const unsigned jobs : {1U, 4U}) {
    auto o = options({a});
    o.output = "/dev/full";
    o.jobs = jobs;
    const Outcome outcome = run(o);
    CHECK(outcome.code == Errc::io);
    CHECK(outcome.error ==
          "/dev/full: cannot write: No space left on device\n  free some space, or write elsewhere with --output");
  }
  auto o = options({a});
  o.rejects = "/dev/full";
  CHECK(run(o).error.starts_with("/dev/full: cannot write: No space left on device"));
}

TEST_CASE("translate: an output that stands there already is kept when the run fails") {
  const Folder in;
  auto o = options({in.file("a.csv", rows(0, 10)), in / "none.csv"});
  o.output = in.file("out.jsonl", "of yesterday\n");
  CHECK(run(o).error != "");
  CHECK(content(o.output) == "of yesterday\n");
  CHECK(in.names() == "a.csv out.jsonl");
}

// ---- any number of workers -----------------------------------------------------------------------------------------------

namespace {

/// The same run with one worker and with many: bytes and books.
Outcome same_for_all_jobs(TranslateOptions o) {
  o.jobs = 1;
  const Outcome one = run(o);
  for (const unsigned jobs : {2U, 3U, 4U, 5U, 6U, 7U, 8U}) {
    o.jobs = jobs;
    const Outcome many = run(o);
    CAPTURE(jobs);
    CHECK(many.error == one.error);
    CHECK((many.out == one.out));  // too long to be shown
    CHECK((many.rejects == one.rejects));
    CHECK((many.books == one.books));
    CHECK(many.summary.jobs == jobs);
  }
  return one;
}

}  // namespace

TEST_CASE("jobs: tiny inputs") {
  const Folder in;
  for (const std::size_t records : {0U, 1U, 2U, 10U}) {
    const Outcome o = same_for_all_jobs(options({in.file("a.csv", rows(0, records))}, "rows"));
    CHECK(o.error == "");
    CHECK(o.summary.read == records);
  }
}

TEST_CASE("jobs: large inputs of many blocks, in several files") {
  const Folder in;
  const Outcome o = same_for_all_jobs(options({in.file("a.csv", rows(0, 30'000)), in.file("b.csv", rows(30'000, 30'010)),
                                               in.file("c.csv", ""), in.file("d.csv", gzip(rows(30'010, 50'000)))}));
  CHECK(o.error == "");
  CHECK(o.summary.read == 50'000);
  CHECK(o.summary.rejected_total == 500);
  CHECK(o.summary.filtered_total == 1000);
  CHECK(o.summary.written == 48'500);
  CHECK(count_lines(o.out) == 48'500);
  CHECK(count_lines(o.rejects) == 500);
  CHECK(o.summary.balance().ok());
  CHECK(o.summary.bad_values.at("csat_score").begin()->second.count > 1000);
}

TEST_CASE("jobs: a source that is folded") {
  const Folder in;
  const Outcome o = same_for_all_jobs(options({in.file("a.json", updates(1500, 10)), in.file("b.json", updates(1500, 10, 5))}));
  CHECK(o.error == "");
  CHECK(o.summary.read == 30'000);
  CHECK(o.summary.translated == 30'000);
  CHECK(o.summary.written == 1500);
  CHECK(o.summary.merged == 28'500);
  CHECK(o.summary.balance().ok());
  CHECK(count_lines(o.out) == 1500);
}

TEST_CASE("jobs: one record that is larger than a block") {
  const Folder in;
  const std::string large(1'500'000, 'x');
  const Outcome o = same_for_all_jobs(
      options({in.file("a.csv", "id,at,note\n1,2024-06-01T10:00:00Z," + large + "\n2,2024-06-01T10:00:00Z,y\n")}));
  CHECK(o.error == "");
  CHECK(o.summary.written == 2);
  CHECK(o.out.find(large) != std::string::npos);
}

TEST_CASE("jobs: the first cure of a reject is that of the first record in the input") {
  const Folder in;
  std::string text = "id,at,channel\n";
  for (int i = 40'000; i > 0; --i) text += std::to_string(i) + ",2024-06-01T10:00:00Z,word " + std::to_string(100'000 + i) + "\n";
  auto o = options({in.file("a.csv", text)});
  o.settings["default_channel"] = "";
  const auto cure = [](const Outcome& outcome) { return outcome.summary.reject_cures.at("unknown_channel"); };
  o.jobs = 1;
  const std::string expected = cure(run(o));
  CHECK(expected.find("word 140000") != std::string::npos);
  for (const unsigned jobs : {2U, 4U, 8U}) {
    o.jobs = jobs;
    CHECK(cure(run(o)) == expected);
  }
}

TEST_CASE("jobs: the bad value that is shown is the first one in the input") {
  const Folder in;
  std::string text = "id,at,csat_score\n";
  for (int i = 40'000; i > 0; --i) text += std::to_string(i) + ",2024-06-01T10:00:00Z,bad " + std::to_string(100'000 + i) + "\n";
  auto o = options({in.file("a.csv", text)});
  for (const unsigned jobs : {1U, 2U, 4U, 8U}) {
    o.jobs = jobs;
    CHECK(run(o).summary.bad_values.at("csat_score").at("bad_score").found == "bad 140000");
  }
}

TEST_CASE("jobs: more words than are kept") {
  const Folder in;
  std::string text = "id,at,status\n";
  for (int i = 0; i < 30'000; ++i) text += std::to_string(i) + ",2024-06-01T10:00:00Z,word " + std::to_string(i % 3000) + "\n";
  same_for_all_jobs(options({in.file("a.csv", text)}));
}

TEST_CASE("jobs: more names than are kept") {
  const Folder in;
  std::string text;
  for (int i = 0; i < 60'000; ++i)
    text += "{\"id\":\"" + std::to_string(i) + "\",\"at\":\"2024-06-01T10:00:00Z\",\"key " + std::to_string(i) + "\":1}\n";
  auto o = options({in.file("a.json", text)}, "both");
  o.jobs = 1;
  const Outcome one = run(o);
  o.jobs = 4;
  const Outcome four = run(o);
  CHECK((four.out == one.out));
  const auto total = [](const Summary& s) {
    std::uint64_t sum = 0;
    for (const auto& [name, use] : s.fields) sum += use.mapped + use.carried;
    return sum;
  };
  CHECK(total(one.summary) == 180'000);
  CHECK(total(four.summary) == 180'000);
}

// ---- runs that end early --------------------------------------------------------------------------------------------------

TEST_CASE("ends: an input that cannot be opened after one that was read: what was read is delivered") {
  const Folder in;
  const std::string a = in.file("a.csv", rows(0, 5'000)), c = in.file("c.csv", rows(5'000, 5'100));
  const Outcome whole = run(options({a}));
  for (const unsigned jobs : {1U, 4U}) {
    CAPTURE(jobs);
    Pipe pipe(in / ("pipe" + std::to_string(jobs)));
    auto o = options({a, in / "missing.csv", c});
    o.jobs = jobs;
    o.output = pipe.path();
    const Outcome outcome = run(o);
    CHECK((pipe.close() == whole.out));
    CHECK((outcome.rejects == whole.rejects));
    CHECK(outcome.code == Errc::io);
    CHECK(outcome.error.find("missing.csv") != std::string::npos);
    CHECK(outcome.summary.read == 5'000);
    CHECK(outcome.summary.written == whole.summary.written);
    CHECK(outcome.summary.balance().ok());
  }
}

TEST_CASE("ends: an input that breaks off: what came before stands") {
  const Folder in;
  const std::string packed = gzip(rows(100, 30'000));
  const std::string a = in.file("a.csv", rows(0, 100)), b = in.file("b.csv.gz", packed.substr(0, packed.size() / 2)),
                    c = in.file("c.csv", rows(0, 10));
  const Outcome whole = run(options({a, in.file("whole.csv", rows(100, 30'000))}));
  std::string first;
  for (const unsigned jobs : {1U, 2U, 8U}) {
    CAPTURE(jobs);
    Pipe pipe(in / ("pipe" + std::to_string(jobs)));
    auto o = options({a, b, c});
    o.jobs = jobs;
    o.output = pipe.path();
    const Outcome outcome = run(o);
    const std::string got = pipe.close();
    CHECK(outcome.error.find("b.csv.gz") != std::string::npos);
    CHECK(outcome.summary.balance().ok());
    CHECK(outcome.summary.read > 100);
    CHECK(count_lines(got) == outcome.summary.written);
    CHECK((whole.out.starts_with(got)));
    if (jobs == 1) first = got;
    CHECK((got == first));
  }
}

TEST_CASE("ends: folded conversations of an input that breaks off are delivered, and bulk bodies closed") {
  const Folder in;
  const std::string a = in.file("a.json", updates(700, 3));
  for (const unsigned jobs : {1U, 4U}) {
    Pipe pipe(in / ("pipe" + std::to_string(jobs)));
    auto o = options({a, in / "missing.json"});
    o.jobs = jobs;
    o.output = pipe.path();
    o.format = OutputFormat::bulk;
    const Outcome outcome = run(o);
    CHECK(outcome.code == Errc::io);
    const std::string got = pipe.close();
    REQUIRE(count_lines(got) == 2);
    CHECK(Json::parse(got.substr(0, got.find('\n'))).at("conversations").size() == 500);
    CHECK(Json::parse(got.substr(got.find('\n') + 1)).at("conversations").size() == 200);
    CHECK(outcome.summary.written == 700);
    CHECK(outcome.summary.merged == 1400);
    CHECK(outcome.summary.balance().ok());
  }
}

TEST_CASE("ends: cancelled before anything is read, and on the way") {
  const Folder in;
  const std::string a = in.file("a.csv", rows(0, 40'000));
  const Outcome whole = run(options({a}));
  for (const unsigned jobs : {1U, 4U}) {
    for (const int after : {0, 1, 3}) {
      CAPTURE(jobs);
      CAPTURE(after);
      Pipe pipe(in / ("pipe" + std::to_string(jobs) + "-" + std::to_string(after)));
      std::atomic<int> asked = 0;
      TranslateHooks hooks;
      hooks.cancelled = [&] { return asked++ >= after; };
      auto o = options({a});
      o.jobs = jobs;
      o.output = pipe.path();
      const Outcome outcome = run(o, hooks);
      const std::string got = pipe.close();
      CHECK(outcome.error == "interrupted: what was translated before is written, the rest is not read");
      CHECK((whole.out.starts_with(got)));
      CHECK(got.size() < whole.out.size());
      CHECK(got.empty() == (after == 0));
      CHECK(count_lines(got) == outcome.summary.written);
    }
  }
}

TEST_CASE("ends: cancelled while an input is silent, with and without something read before") {
  const Folder in;
  const std::string good = "id,at,channel\n1,2024-06-01T10:00:00Z,mail\n2,2024-06-01T1";
  for (const unsigned jobs : {1U, 4U}) {
    for (const bool first : {true, false}) {
      CAPTURE(jobs);
      CAPTURE(first);
      const std::string silent = in / ("silent" + std::to_string(jobs) + std::to_string(first));
      REQUIRE(::mkfifo(silent.c_str(), 0600) == 0);
      const int writer = ::open(silent.c_str(), O_RDWR | O_CLOEXEC);  // both ends, so that it does not wait for the other
      REQUIRE(::write(writer, good.data(), good.size()) == static_cast<ssize_t>(good.size()));
      const auto begun = std::chrono::steady_clock::now();
      TranslateHooks hooks;
      hooks.cancelled = [&] { return std::chrono::steady_clock::now() - begun > std::chrono::milliseconds(200); };
      Pipe pipe(silent + ".out");
      auto o = options(first ? std::vector{silent} : std::vector{in.file("a.csv", rows(0, 100)), silent});
      o.jobs = jobs;
      o.output = pipe.path();
      const Outcome outcome = run(o, hooks);
      CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds(10));
      CHECK(outcome.error == "interrupted: what was translated before is written, the rest is not read");
      CHECK(count_lines(pipe.close()) == outcome.summary.written);
      if (!first) CHECK(outcome.summary.read >= 100);
      CHECK(outcome.summary.balance().ok());
      ::close(writer);
    }
  }
}

/// A pipe that holds so much and then is silent, until it goes.
class SilentPipe {
 public:
  SilentPipe(std::string path, std::string_view bytes) : path_(std::move(path)) {
    REQUIRE(::mkfifo(path_.c_str(), 0600) == 0);
    both_ends_ = ::open(path_.c_str(), O_RDWR | O_CLOEXEC);  // so that opening does not wait for the other side
    REQUIRE(::fcntl(both_ends_, F_SETPIPE_SZ, 1 << 20) >= static_cast<int>(bytes.size()));
    REQUIRE(::write(both_ends_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  }
  SilentPipe(const SilentPipe&) = delete;
  SilentPipe& operator=(const SilentPipe&) = delete;
  ~SilentPipe() { ::close(both_ends_); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
  int both_ends_;
};

TEST_CASE("ends: at once, though the input is silent: cancelled, or with more rejects than are allowed") {
  const Folder in;
  const std::string plain = rows(0, 9'000);
  const std::string packed = gzip(rows(0, 30'000));
  for (const bool compressed : {false, true}) {
    for (const bool cancel : {false, true}) {
      for (const unsigned jobs : {1U, 2U, 4U}) {
        CAPTURE(compressed);
        CAPTURE(cancel);
        CAPTURE(jobs);
        const std::string name = std::to_string(compressed) + std::to_string(cancel) + std::to_string(jobs);
        const SilentPipe silent(in / name, compressed ? std::string_view(packed).substr(0, packed.size() / 2) : plain);
        const auto begun = std::chrono::steady_clock::now();
        TranslateHooks hooks;
        hooks.cancelled = [&] {
          return std::chrono::steady_clock::now() - begun > std::chrono::milliseconds(cancel ? 300 : 30'000);
        };
        Pipe pipe(in / (name + ".out"));
        auto o = options({silent.path()});
        o.jobs = jobs;
        o.output = pipe.path();
        if (!cancel) o.max_rejects.count = 0;
        const Outcome outcome = run(o, hooks);
        CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds(20));
        CHECK(outcome.error.find(cancel ? "interrupted" : "more than --max-rejects 0 allows") != std::string::npos);
        CHECK(count_lines(pipe.close()) == outcome.summary.written);
        CHECK(outcome.summary.read > 0);
        CHECK(outcome.summary.balance().ok());
      }
    }
  }
}

TEST_CASE("ends: the books of a cancelled run are those of what was written") {
  const Folder in;
  const std::string a = in.file("a.csv", rows(0, 40'000)), b = in.file("b.json", updates(3'000, 5));
  for (const auto& pair : {std::pair{a, 1U}, {a, 4U}, {b, 1U}, {b, 4U}}) {
    const std::string& input = pair.first;
    const unsigned jobs = pair.second;
    CAPTURE(input);
    CAPTURE(jobs);
    std::atomic<int> asked = 0;
    TranslateHooks hooks;
    hooks.cancelled = [&] { return asked++ >= 2; };
    auto o = options({input});
    o.jobs = jobs;
    const Outcome outcome = run(o, hooks);
    CHECK(outcome.error.starts_with("interrupted"));
    CHECK(outcome.summary.read > 0);
    const auto balanced = outcome.summary.balance();
    CHECK_MESSAGE(balanced.ok(), (balanced.ok() ? "" : balanced.error().message));
  }
}

TEST_CASE("ends: a cancelled run to a file does not say that anything was written") {
  const Folder in;
  TranslateHooks hooks;
  int asked = 0;
  hooks.cancelled = [&] { return asked++ >= 1; };
  auto o = options({in.file("a.csv", rows(0, 20'000))});
  o.output = in / "out.jsonl";
  const Outcome outcome = run(o, hooks);
  REQUIRE(outcome.error.starts_with("interrupted"));
  CHECK(fs::exists(o.output) == (outcome.error.find("what was translated before is written") != std::string::npos));
}

TEST_CASE("ends: more rejects than are allowed, by number") {
  const Folder in;
  const std::string a = in.file("a.csv", rows(0, 40'000));  // 400 rejects
  for (const unsigned jobs : {1U, 4U}) {
    auto o = options({a});
    o.jobs = jobs;
    o.max_rejects.count = 400;
    CHECK(run(o).error == "");
    o.max_rejects.count = 399;
    const Outcome at_end = run(o);
    CHECK(at_end.code == Errc::data);
    CHECK(at_end.error ==
          "400 records were rejected, more than --max-rejects 399 allows\n  look at the rejects (--rejects FILE), cure their "
          "cause, or raise the limit");
    CHECK(count_lines(at_end.rejects) == 400);
    o.max_rejects.count = 0;
    const Outcome early = run(o);
    CHECK(early.error.find("more than --max-rejects 0 allows") != std::string::npos);
    CHECK(count_lines(early.rejects) < 200);
    CHECK(early.rejects != "");
  }
}

TEST_CASE("ends: the books of a run with too many rejects are those of what was written") {
  const Folder in;
  const std::string a = in.file("a.csv", rows(0, 40'000));
  std::string first;
  for (const unsigned jobs : {1U, 2U, 8U}) {
    auto o = options({a});
    o.jobs = jobs;
    o.max_rejects.count = 20;
    const Outcome outcome = run(o);
    CAPTURE(jobs);
    CHECK(outcome.error.find("--max-rejects 20 allows") != std::string::npos);
    CHECK(outcome.summary.balance().ok());
    CHECK(outcome.summary.rejected_total == count_lines(outcome.rejects));
    if (jobs == 1) first = outcome.books;
    CHECK((outcome.books == first));
  }
}

TEST_CASE("ends: more rejects than are allowed, by percentage") {
  const Folder in;
  auto o = options({in.file("a.csv", rows(0, 300))});  // 3 of 300
  o.max_rejects.percent = 1.0;
  CHECK(run(o).error == "");
  o.max_rejects.percent = 0.99;
  const Outcome outcome = run(o);
  CHECK(outcome.code == Errc::data);
  CHECK(outcome.error ==
        "1.00 % of 300 records were rejected, more than --max-rejects 0.99% allows\n"
        "  look at the rejects (--rejects FILE), cure their cause, or raise the limit");
  CHECK(count_lines(outcome.rejects) == 3);
  // A bad beginning is no bad file: the percentage is judged once there is enough to judge by.
  std::string late = "id,at,channel,status,draft,csat_score,note\n";
  for (int i = 0; i < 50; ++i) late += "x,never,,,,,\n";
  o = options({in.file("b.csv", late + rows(0, 20'000, false))});
  o.max_rejects.percent = 2;
  CHECK(run(o).error == "");
  auto none = options({in.file("c.csv", "id,at\n")}, "rows");
  none.max_rejects.percent = 0;
  CHECK(run(none).error == "");
}

TEST_CASE("ends: an adapter that refuses the columns of a later file") {
  const Folder in;
  const std::string a = in.file("a.csv", rows(0, 100)), b = in.file("b.csv", "id,at,forbidden\n1,2024-06-01T10:00:00Z,x\n");
  for (const unsigned jobs : {1U, 4U}) {
    Pipe pipe(in / ("pipe" + std::to_string(jobs)));
    auto o = options({a, b, a});
    o.jobs = jobs;
    o.output = pipe.path();
    const Outcome outcome = run(o);
    CHECK(outcome.error == b + ": forbidden is forbidden; the header (line 1, delimiter: comma) has 3 columns: \"id\", \"at\", "
                               "\"forbidden\"\n  leave it out");
    CHECK(count_lines(pipe.close()) == 97);
  }
}

TEST_CASE("ends: an adapter that refuses a name in the middle of a file: nothing broken is written") {
  const Folder in;
  const std::string at = ",\"at\":\"2024-06-01T10:00:00Z\"";
  std::string text = "{\"id\":\"1\"" + at + "}\n{\"id\":\"2\"" + at + ",\"forbidden\":1}\n";
  for (int i = 3; i < 9; ++i) text += "{\"id\":\"" + std::to_string(i) + "\"" + at + ",\"forbidden\":1}\n";
  Pipe pipe(in / "pipe");
  auto o = options({in.file("a.json", text)}, "both");
  o.output = pipe.path();
  CHECK(run(o).error.find("forbidden is forbidden\n  leave it out") != std::string::npos);
  std::istringstream lines(pipe.close());
  for (std::string line; std::getline(lines, line);) {
    CAPTURE(line);
    CHECK(Json::accept(line));
  }
}

TEST_CASE("ends: the reader of the output has gone") {
  const Folder in;
  const std::string path = in / "pipe";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  std::thread reader([&] {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    char byte;
    CHECK(::read(fd, &byte, 1) == 1);
    ::close(fd);
  });
  auto o = options({in.file("a.csv", rows(0, 40'000))});
  o.output = path;
  o.jobs = 2;
  const auto was = std::signal(SIGPIPE, SIG_IGN);
  const Outcome outcome = run(o);
  std::signal(SIGPIPE, was);
  reader.join();
  CHECK(outcome.code == Errc::closed);
  CHECK(outcome.error == path + ": the reader has closed it");
}

// ---- names in the settings -------------------------------------------------------------------------------------------------

TEST_CASE("notes: names in the metadata list that no field has, with the nearest") {
  const Folder in;
  auto o = options({in.file("a.csv", "id,at,channel,Priority\n1,2024-06-01T10:00:00Z,mail,high\n")});
  o.settings["metadata"] = "Priority,Prioritty,nothing like it,channel";
  for (const unsigned jobs : {1U, 4U}) {
    o.jobs = jobs;
    CHECK(run(o).summary.notes == std::vector<std::string>{
                                      "setting metadata: no field is called \"Prioritty\"; did you mean \"Priority\"?",
                                      "setting metadata: no field is called \"nothing like it\"",
                                  });
  }
  std::string many;
  for (int i = 0; i < 13; ++i) many += "absent " + std::string(1, static_cast<char>('a' + i)) + ",";
  o.settings["metadata"] = many;
  const auto notes = run(o).summary.notes;
  REQUIRE(notes.size() == 11);
  CHECK(notes[9] == "setting metadata: no field is called \"absent j\"");
  CHECK(notes[10] == "and 3 more names in the setting metadata that no field has");
  o.inputs = {in.file("empty.csv", "")};
  o.adapter = "rows";
  CHECK(run(o).summary.notes == std::vector<std::string>{o.inputs.front() + ": the input is empty"});
}

TEST_CASE("notes: a folded conversation has touchpoints of our own, so that name is met") {
  const Folder in;
  auto o = options({in.file("a.json", updates(3, 2))});
  o.settings["metadata"] = "touchpoints,k0";
  CHECK(run(o).summary.notes.empty());
}

TEST_CASE("notes: a column of time zones that no input has, and what became of the times") {
  const Folder in;
  auto o = options({in.file("a.csv", "id,at,channel,Zone\n1,2024-06-01 10:00,mail,Europe/Berlin\n")});
  o.settings["time_zone_column"] = "Zonne";
  CHECK(run(o).summary.notes ==
        std::vector<std::string>{
            "setting time_zone_column: no field is called \"Zonne\"; times without an offset were read in UTC; "
            "did you mean \"Zone\"?"});
  o.time_zone.clear();
  const Outcome outcome = run(o);
  CHECK(outcome.summary.notes ==
        std::vector<std::string>{"setting time_zone_column: no field is called \"Zonne\"; times without an offset were not "
                                 "understood; did you mean \"Zone\"?"});
  const Json reject = Json::parse(outcome.rejects);
  CHECK(reject.at("code") == "bad_time");
  CHECK(reject.at("message") ==
        "'2024-06-01 10:00' has no offset from UTC, and the record has nothing in \"Zonne\" (setting time_zone_column)");
  CHECK(reject.at("cure") == "fill in the field or correct the setting; --time-zone is for the records without it");
  o.settings["time_zone_column"] = "zone";
  CHECK(run(o).summary.notes.empty());
}

TEST_CASE("notes: of many columns without a name or with one that stands again, ten are said") {
  const Folder in;
  std::string header = "id,at,channel", row = "1,2024-06-01T10:00:00Z,mail";
  for (int i = 0; i < 12; ++i) {
    header += ",,x";
    row += ",a,b";
  }
  auto o = options({in.file("a.csv", header + "\n" + row + "\n")});
  for (const unsigned jobs : {1U, 4U}) {
    o.jobs = jobs;
    const auto notes = run(o).summary.notes;
    REQUIRE(notes.size() == 22);
    CHECK(notes[0] == "column 4 has no name in the header; it is called \"column 4\"");
    CHECK(notes[1] == "column 6 has no name in the header; it is called \"column 6\"");
    CHECK(notes[2] == "column \"x\" stands again as column 7; it is called \"x (2)\"");
    CHECK(notes[20] == "and 2 more columns without a name");
    CHECK(notes[21] == "and 1 more columns that stand again");
  }
}

// ---- folding ---------------------------------------------------------------------------------------------------------------

TEST_CASE("fold: updates of one conversation, in the order of their ids") {
  const Folder in;
  const Outcome o = run(options({in.file("a.json",
                                         "{\"id\":\"b\",\"at\":\"2024-06-01T10:00:00Z\",\"status\":\"Open\",\"x\":1}\n"
                                         "{\"id\":\"a\",\"at\":\"2024-06-01T10:00:00Z\",\"channel\":\"call\"}\n"
                                         "{\"id\":\"b\",\"at\":\"2024-06-01T09:00:00Z\",\"status\":\"Closed\",\"y\":2}\n")}));
  CHECK(o.error == "");
  CHECK(o.out ==
        "{\"external_id\":\"a\",\"platform\":\"updates\",\"channel\":\"phone\",\"started_at\":\"2024-06-01T10:00:00Z\"}\n"
        "{\"external_id\":\"b\",\"platform\":\"updates\",\"channel\":\"chat\",\"status\":\"closed\",\"started_at\":\"2024-06-"
        "01T09:00:00Z\","
        "\"metadata\":{\"x\":1,\"y\":2}}\n");
  CHECK(o.summary.written == 2);
  CHECK(o.summary.merged == 1);
  CHECK(o.summary.balance().ok());
}

TEST_CASE("fold: fold=false passes updates on as they come") {
  const Folder in;
  auto o = options({in.file("a.json", updates(3, 2))});
  o.settings["fold"] = "false";
  const Outcome outcome = run(o);
  CHECK(count_lines(outcome.out) == 6);
  CHECK(outcome.summary.merged == 0);
  CHECK(outcome.summary.repeated_ids == 3);
}

TEST_CASE("fold: events make conversations, with their touchpoints counted") {
  const Folder in;
  const Outcome o =
      run(options({in.file("a.json",
                           "{\"id\":\"1\",\"when\":\"2024-06-01T10:00:00Z\",\"kind\":\"email\",\"tid\":\"t1\"}\n"
                           "{\"id\":\"1\",\"when\":\"2024-06-01T09:00:00Z\",\"kind\":\"call\",\"tid\":\"t2\"}\n"
                           "{\"id\":\"1\",\"when\":\"2024-06-01T10:00:00Z\",\"kind\":\"email\",\"tid\":\"t1\"}\n"
                           "{\"id\":\"1\",\"when\":\"2024-06-01T08:00:00Z\",\"kind\":\"note\",\"tid\":\"t3\"}\n")}));
  CHECK(o.error == "");
  CHECK(o.out ==
        "{\"external_id\":\"1\",\"platform\":\"events\",\"channel\":\"phone\",\"started_at\":\"2024-06-01T08:00:00Z\","
        "\"metadata\":{\"kind\":\"note\",\"tid\":\"t3\",\"touchpoints\":{\"email\":1,\"call\":1,\"note\":1},"
        "\"when\":\"2024-06-01T08:00:00Z\"}}\n");  // claimed, and only told as texts: so they are carried too
  CHECK(o.summary.touchpoints == 4);
  CHECK(o.summary.repeated_touchpoints == 1);
  CHECK(o.summary.merged == 3);
}

TEST_CASE("fold: a source field called touchpoints does not make a key stand twice") {
  const Folder in;
  const Outcome o = run(options(
      {in.file("a.json", "{\"id\":\"1\",\"when\":\"2024-06-01T10:00:00Z\",\"kind\":\"email\",\"touchpoints\":\"mine\"}\n")}));
  CHECK(o.error == "");
  std::size_t count = 0;
  for (std::size_t at = o.out.find("\"touchpoints\":"); at != std::string::npos; at = o.out.find("\"touchpoints\":", at + 1))
    ++count;
  CHECK(count == 1);
  CHECK(o.out.find("\"mine\"") != std::string::npos);
}

TEST_CASE("fold: one id in two scopes: the first is written, the others are rejected with all their records") {
  const Folder in;
  const Outcome o = same_for_all_jobs(
      options({in.file("a.json",
                       "{\"id\":\"1\",\"at\":\"2024-06-01T10:00:00Z\",\"scope\":\"org b\"}\n"
                       "{\"id\":\"2\",\"at\":\"2024-06-01T10:00:00Z\",\"scope\":\"org b\"}\n"
                       "\n{\"id\":\"1\",\"at\":\"2024-06-01T10:00:00Z\",\"scope\":\"org a\",\"status\":\"kept\"}\n"
                       "{\"id\":\"1\",\"at\":\"2024-06-01T10:00:00Z\",\"scope\":\"org b\"}\n"
                       "{\"id\":\"1\",\"at\":\"2024-06-01T10:00:00Z\",\"scope\":\"org c\"}\n")}));
  CHECK(o.error == "");
  CHECK(count_lines(o.out) == 2);
  CHECK(o.out.find("\"status\":\"kept\"") != std::string::npos);
  CHECK(o.summary.read == 5);
  CHECK(o.summary.translated == 2);
  CHECK(o.summary.written == 2);
  CHECK(o.summary.rejected.at("same_id_in_two_scopes") == 3);
  CHECK(o.summary.rejected_total == 3);
  CHECK(o.summary.balance().ok());
  REQUIRE(count_lines(o.rejects) == 3);
  std::vector<Json> rejects;
  std::istringstream rejected(o.rejects);
  for (std::string line; std::getline(rejected, line);) rejects.push_back(Json::parse(line));
  const Json &first = rejects[0], &second = rejects[1], &third = rejects[2];
  CHECK(first.at("found") == "org b");
  CHECK(first.at("field") == "scope");
  CHECK(first.at("line") == 1);
  CHECK(first.at("offset") == 0);
  CHECK(first.at("message") ==
        "the id stands for another conversation too, in another scope than \"org b\"; both under one external_id would overwrite "
        "each other (one of the 2 records that make it up); conversation 1");
  CHECK(first.at("cure") == "translate the scopes (organisations) one by one, or use {scope} in a job's external_id");
  CHECK(second.at("message") == first.at("message"));
  CHECK(second.at("line") == 5);
  CHECK(third.at("message") ==
        "the id stands for another conversation too, in another scope than \"org c\"; both under one external_id would overwrite "
        "each other; conversation 1");
  CHECK(third.at("line") == 6);
}

TEST_CASE("fold: what lacks a channel or a start in the end is rejected with all its records") {
  const Folder in;
  auto o = options(
      {in.file(
          "a.json",
          "{\"id\":\"1\",\"at\":\"2024-06-01T10:00:00Z\"}\n{\"id\":\"1\",\"status\":\"x\"}\n{\"id\":\"2\",\"channel\":\"mail\"}\n"
          "{\"id\":\"3\",\"channel\":\"mail\",\"at\":\"2024-06-01T10:00:00Z\"}\n")},
      "events");
  o.settings["default_channel"] = "";
  const Outcome outcome = run(o);
  CHECK(outcome.error == "");
  CHECK(count_lines(outcome.out) == 1);
  CHECK(outcome.summary.rejected.at("missing_channel") == 2);
  CHECK(outcome.summary.rejected.at("missing_started_at") == 1);
  CHECK(outcome.summary.translated == 1);
  CHECK(outcome.summary.balance().ok());
  CHECK(outcome.summary.reject_cures.at("missing_channel") ==
        "nothing that is known of the conversation says by which channel it came (one of the 2 records that make it up); "
        "--set default_channel=<phone|email|chat|sms|social|back_office>");
  CHECK(outcome.summary.reject_cures.at("missing_started_at") ==
        "nothing that is known of the conversation says when it began, and no time is made up; add the export that holds its "
        "creation time or its "
        "touchpoints");
  CHECK(count_lines(outcome.rejects) == 3);
}

TEST_CASE("fold: the scope that is written need not be the first when that one is incomplete") {
  const Folder in;
  auto o = options({in.file("a.json",
                            "{\"id\":\"1\",\"scope\":\"a\",\"channel\":\"mail\"}\n"
                            "{\"id\":\"1\",\"scope\":\"b\",\"channel\":\"mail\",\"at\":\"2024-06-01T10:00:00Z\"}\n")},
                   "events");
  const Outcome outcome = run(o);
  CHECK(outcome.summary.rejected.at("missing_started_at") == 1);
  CHECK(outcome.summary.written == 1);
  CHECK(outcome.summary.balance().ok());
}

TEST_CASE("fold: too many rejects that only the fold finds end the run as well") {
  const Folder in;
  auto o = options({in.file("a.json", "{\"id\":\"1\",\"channel\":\"mail\"}\n{\"id\":\"1\",\"status\":\"x\"}\n")}, "events");
  o.max_rejects.count = 1;
  CHECK(run(o).error.starts_with("2 records were rejected, more than --max-rejects 1 allows"));
}

TEST_CASE("fold: any order of the files gives the same conversations when update times decide") {
  const Folder in;
  std::vector<std::string> paths;
  const std::string all = updates(300, 8);
  for (std::size_t part = 0; part < 4; ++part) {
    std::string text;
    std::istringstream lines(all);
    std::size_t n = 0;
    for (std::string line; std::getline(lines, line); ++n) {
      if (n % 4 == part) text += line + "\n";
    }
    paths.push_back(in.file("part" + std::to_string(part) + ".json", text));
  }
  const std::string expected = run(options({in.file("all.json", all)})).out;
  std::sort(paths.begin(), paths.end());
  int orders = 0;
  do {
    auto o = options(paths);
    o.jobs = static_cast<unsigned>(orders % 4 + 1);
    CHECK((run(o).out == expected));
    ++orders;
  } while (std::next_permutation(paths.begin(), paths.end()));
  CHECK(orders == 24);
  // A file that is read twice changes nothing either.
  paths.push_back(paths.front());
  CHECK((run(options(paths)).out == expected));
}

// ---- on the way -------------------------------------------------------------------------------------------------------------

TEST_CASE("progress: rises to the whole, on the thread of the caller") {
  const Folder in;
  const std::string text = rows(0, 20'000);
  for (const unsigned jobs : {1U, 4U}) {
    auto o = options({in.file("a.csv", text)});
    o.jobs = jobs;
    Progress last;
    int calls = 0;
    bool rises = true, here = true;
    TranslateHooks hooks;
    hooks.progress = [&, caller = std::this_thread::get_id()](const Progress& p) {
      rises = rises && p.records > last.records && p.bytes > last.bytes;
      here = here && std::this_thread::get_id() == caller;
      last = p;
      ++calls;
    };
    const Outcome outcome = run(o, hooks);
    CHECK(calls > 3);
    CHECK(rises);
    CHECK(here);
    CHECK(last.records == 20'000);
    CHECK(last.total_bytes == text.size());
    CHECK(last.bytes == outcome.summary.bytes_read);
    CHECK(last.bytes <= text.size());
    CHECK(last.bytes > text.size() - 100);  // all but the header
  }
}

TEST_CASE("translate: a source of CSV and JSON files, in any order") {
  const Folder in;
  const std::string a = in.file("a.csv", "id,at,x\n1,2024-06-01T10:00:00Z,c\n"),
                    b = in.file("b.json", "{\"id\":\"2\",\"at\":\"2024-06-01T10:00:00Z\",\"x\":\"j\"}\n");
  const auto ids = [&](std::vector<std::string> inputs, unsigned jobs) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {  // files of their own: the same one is read once
      std::ifstream from(inputs[i]);
      const std::string text((std::istreambuf_iterator<char>(from)), std::istreambuf_iterator<char>());
      inputs[i] = in.file(std::to_string(i) + inputs[i].substr(inputs[i].rfind('.')), text + std::string(i, '\n'));
    }
    auto o = options(std::move(inputs), "both");
    o.jobs = jobs;
    o.settings["fold"] = "false";  // each record as it comes
    const Outcome outcome = run(o);
    std::string got = outcome.error;
    std::istringstream lines(outcome.out);
    for (std::string line; std::getline(lines, line);) got += Json::parse(line).at("external_id").get<std::string>();
    return got + outcome.rejects;
  };
  for (const unsigned jobs : {1U, 3U}) {
    CHECK(ids({b, a}, jobs) == "21");
    CHECK(ids({b, a, a, b}, jobs) == "2112");
    CHECK(ids({a, b}, jobs) == "12");
    CHECK(ids({a, b, a, b, b, a}, jobs) == "121221");
  }
}

// ---- archives -----------------------------------------------------------------------------------------------------------

TEST_CASE("translate: while the members of an archive are looked at and read, each is a chance to stop") {
  constexpr std::size_t kMembers = 120;
  std::vector<std::pair<std::string, std::string>> members;
  for (std::size_t i = 0; i < kMembers; ++i) {
    members.emplace_back("t" + std::to_string(i) + ".csv", "id,at\n" + std::to_string(i) + ",2024-06-01T10:00:00Z\n");
  }
  const Folder in;
  const std::string archive = in.file("export.zip", zip_of(members));
  std::size_t asked = 0, until = SIZE_MAX;
  TranslateHooks hooks;
  hooks.cancelled = [&] { return ++asked >= until; };
  const Outcome whole = run(options({archive}), hooks);
  CHECK(whole.error == "");
  CHECK(whole.summary.written == kMembers);
  const std::size_t all = asked;
  REQUIRE(all >= 4 * (kMembers - 1));  // recognised; compared with others and surveyed, all but the first; read
  for (until = 1; until < all; until += 29) {
    asked = 0;
    const Outcome o = run(options({archive}), hooks);
    CAPTURE(until);
    CHECK(o.error.find("interrupted") == 0);
    CHECK(asked < until + 8);
  }
}
