#include "job/job_file.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "merge/id_template.hpp"

using namespace crosswalk;
using namespace std::string_literals;
namespace fs = std::filesystem;
using Texts = std::vector<std::string>;

namespace {

/// What every job needs, in four lines: tests put what they are about behind it.
const std::string kSource = "[[source]]\nname = \"crm\"\ninputs = [\"crm.csv\"]\n\n";
const std::string kSink = "[[sink]]\ntype = \"jsonl\"\npath = \"out.jsonl\"\n";
const std::string kSmallest = kSource + kSink;

Job parsed(const std::string& text, const std::string& path = "jobs/job.toml") {
  auto job = parse_job(text, path);
  REQUIRE_MESSAGE(job.ok(), job.error().text());
  return *std::move(job);
}

std::string refused(const std::string& text, const std::string& path = "job.toml") {
  const auto job = parse_job(text, path);
  if (job) return "no error";
  CHECK(job.error().code == Errc::usage);
  return job.error().text();
}

/// The error of a [job] line, which is line 2.
std::string general(const std::string& line) { return refused("[job]\n" + line + "\n" + kSmallest); }

/// The error of a line of a source, which is line 4.
std::string in_source(const std::string& line) {
  return refused("[[source]]\nname = \"crm\"\ninputs = [\"crm.csv\"]\n" + line + "\n" + kSink);
}

/// The error of a sink's lines, which begin at line 6, behind [[sink]].
std::string in_sink(const std::string& lines) { return refused(kSource + "[[sink]]\n" + lines + "\n"); }

/// Two sources "crm" and "chat.eu", one "csat" that enriches, a sink: 14 lines.
const std::string kThree =
    "[[source]]\nname = \"crm\"\ninputs = [\"a\"]\n"
    "[[source]]\nname = \"chat.eu\"\ninputs = [\"b\"]\n"
    "[[source]]\nname = \"csat\"\ninputs = [\"c\"]\nrole = \"enrich\"\n"
    "[[sink]]\ntype = \"jsonl\"\npath = \"out.jsonl\"\n";

std::string after_three(const std::string& lines) { return refused(kThree + lines + "\n"); }

}  // namespace

// --- what is understood ----------------------------------------------------------------------------------------------

TEST_CASE("job: the smallest, with every default") {
  const Job job = parsed(kSmallest);
  CHECK(job.path == "jobs/job.toml");
  CHECK(job.external_id == "");
  CHECK(job.memory_limit == 1ULL << 30);
  CHECK(job.order_by == Job::OrderBy::external_id);
  CHECK(job.zone_data == "");
  CHECK(job.rejects == "");
  REQUIRE(job.sources.size() == 1);
  const JobSource& source = job.sources.front();
  CHECK(source.name == "crm");
  CHECK(source.adapter == "");
  CHECK(source.inputs == Texts{"jobs/crm.csv"});
  CHECK(source.time_zone == "");
  CHECK(source.disambiguation == Disambiguation::compatible);
  CHECK_FALSE(source.evidence);
  CHECK(source.settings.empty());
  CHECK_FALSE(source.enrich);
  CHECK(source.line == 1);
  CHECK(job.priorities.empty());
  CHECK(job.links.empty());
  CHECK(job.several == std::vector<bool>{false});
  for (const IdRule* rule : {&job.agents, &job.queues, &job.customers}) {
    CHECK(rule->file == "");
    CHECK(rule->unknown == IdRule::Unknown::keep);
  }
  REQUIRE(job.sinks.size() == 1);
  CHECK(job.sinks.front().type == JobSink::Type::jsonl);
  CHECK(job.sinks.front().path == "jobs/out.jsonl");
  CHECK(job.sinks.front().updates == "");
}

TEST_CASE("job: the example is valid and says what it seems to say") {
  const Job job = parsed(std::string(job_example()), "j.toml");
  CHECK(job.external_id == "{platform}:{instance}:{id}");
  CHECK(job.instance == "main");
  CHECK(job.max_rejects.percent == 1.0);
  CHECK(job.memory_limit == 1ULL << 30);
  CHECK(job.order_by == Job::OrderBy::external_id);
  CHECK(job.rejects == "out/rejects.jsonl");
  CHECK(job.zone_data == "/usr/share/zoneinfo");
  REQUIRE(job.sources.size() == 4);
  CHECK(job.sources[0].name == "zendesk-us");
  CHECK(job.sources[0].instance == "us");
  CHECK(job.sources[0].max_rejects.count == 100);
  CHECK(job.sources[1].instance == "eu");
  CHECK(job.sources[2].instance == "");
  CHECK(job.sources[0].adapter == "zendesk-csv");
  CHECK(job.sources[0].inputs == Texts{"exports/zendesk/*.csv.gz"});
  CHECK(job.sources[0].time_zone == "Pacific Time (US & Canada)");
  CHECK(job.sources[0].disambiguation == Disambiguation::compatible);
  CHECK(job.sources[0].settings ==
        std::map<std::string, std::string, std::less<>>{
            {"channel.web", "chat"}, {"default_channel", "email"}, {"max_depth", "64"}, {"metadata", "Tags,Chat ID"}});
  CHECK_FALSE(job.sources[2].enrich);
  CHECK(job.sources[3].enrich);
  CHECK(job.several == std::vector<bool>{true, false, false, false});
  CHECK(job.priorities ==
        std::map<Target, std::vector<std::size_t>>{{Target::external_id, {0, 2}}, {Target::csat_score, {3, 0}}});
  REQUIRE(job.links.size() == 1);
  CHECK(job.links[0].left.source == 2);
  CHECK(job.links[0].left.target == Target::external_id);
  CHECK(job.links[0].left.text == "chat.external_id");
  CHECK(job.links[0].right.source == 0);
  CHECK(job.links[0].right.target == Target::none);
  CHECK(job.links[0].right.metadata_key == "Chat ID");
  CHECK(job.agents.file == "ids/agents.csv");
  CHECK(job.agents.unknown == IdRule::Unknown::keep);
  CHECK(job.queues.file == "ids/queues.csv");
  CHECK(job.queues.unknown == IdRule::Unknown::drop);
  CHECK(job.customers.file == "ids/customers.csv");
  CHECK(job.customers.unknown == IdRule::Unknown::reject);
  REQUIRE(job.sinks.size() == 5);
  CHECK(job.sinks[0].type == JobSink::Type::jsonl);
  CHECK(job.sinks[0].path == "out/conversations.jsonl");
  CHECK(job.sinks[0].updates == "out/updates.jsonl");
  CHECK(job.sinks[1].type == JobSink::Type::bulk);
  CHECK(job.sinks[1].path == "out/bulk.jsonl");
  CHECK(job.sinks[1].updates == "out/bulk.updates.jsonl");
  CHECK(job.sinks[2].type == JobSink::Type::sqlite);
  CHECK(job.sinks[2].path == "out/conversations.db");
  CHECK(job.sinks[2].updates == "");
}

TEST_CASE("job: the example shows every key") {
  // The keys of each section as the parser itself lists them for a key that it does not know.
  const auto keys_of = [](const std::string& text, const std::string& label) {
    const std::string error = refused(text);
    const std::string mark = ": there is no key \"??????\"\n  there are: ";
    const std::size_t at = error.find(label + mark);
    REQUIRE_MESSAGE(at != std::string::npos, error);
    const std::size_t begin = at + label.size() + mark.size();
    std::string keys = error.substr(begin, error.find('\n', begin) - begin) + ", ";
    std::set<std::string> names;
    for (std::size_t comma = keys.find(", "); comma != std::string::npos; comma = keys.find(", ")) {
      names.insert(keys.substr(0, comma));
      keys.erase(0, comma + 2);
    }
    return names;
  };
  const std::string odd = "\"??????\" = 1\n";
  const std::string example = "\n" + std::string(job_example());
  for (const auto& [text, label] : std::vector<std::pair<std::string, std::string>>{{"[job]\n" + odd, "[job]"},
                                                                                    {kSource + odd, "[[source]] \"crm\""},
                                                                                    {"[[merge.link]]\n" + odd, "[[merge.link]]"},
                                                                                    {"[ids.agents]\n" + odd, "[ids.agents]"},
                                                                                    {kSink + odd, "[[sink]]"}}) {
    for (const std::string& key : keys_of(text, label)) {
      CAPTURE(key);
      CHECK((example.find("\n" + key + " = ") != std::string::npos || example.find("." + key + "]") != std::string::npos));
    }
  }
  for (const std::string& section : keys_of("[merge]\n" + odd, "[merge]")) {
    CAPTURE(section);
    CHECK((example.find("[merge." + section + "]") != std::string::npos ||
           example.find("\n" + section + " = ") != std::string::npos));
  }
  for (const std::string& section : keys_of("[ids]\n" + odd, "[ids]")) {
    CAPTURE(section);
    CHECK(example.find("\n[ids." + section + "]") != std::string::npos);
  }
}

TEST_CASE("job: paths start from the folder of the job file") {
  const std::string text =
      "[job]\nrejects = \"r.jsonl\"\nzone_data = \"zones\"\n"
      "[[source]]\nname = \"crm\"\ninputs = [\"in/*.csv\", \"/abs/x.csv\", \"-\"]\n"
      "[[source]]\nname = \"extra\"\ninputs = [\"y\"]\nrole = \"enrich\"\n"
      "[ids.agents]\nfile = \"a.csv\"\n[ids.queues]\nfile = \"/abs/q.csv\"\n"
      "[[sink]]\ntype = \"jsonl\"\npath = \"out/c.jsonl\"\n[[sink]]\ntype = \"bulk\"\npath = \"-\"\nupdates = \"u.jsonl\"\n"
      "[[sink]]\ntype = \"sqlite\"\npath = \"../c.db\"\n";
  const Job there = parsed(text, "/data/jobs/job.toml");
  CHECK(there.rejects == "/data/jobs/r.jsonl");
  CHECK(there.zone_data == "/data/jobs/zones");
  CHECK(there.sources[0].inputs == Texts{"/data/jobs/in/*.csv", "/abs/x.csv", "-"});
  CHECK(there.agents.file == "/data/jobs/a.csv");
  CHECK(there.queues.file == "/abs/q.csv");
  CHECK(there.sinks[0].path == "/data/jobs/out/c.jsonl");
  CHECK(there.sinks[0].updates == "/data/jobs/out/c.updates.jsonl");
  CHECK(there.sinks[1].path == "-");
  CHECK(there.sinks[1].updates == "/data/jobs/u.jsonl");
  CHECK(there.sinks[2].path == "/data/jobs/../c.db");
  const Job here = parsed(text, "job.toml");
  CHECK(here.sources[0].inputs == Texts{"in/*.csv", "/abs/x.csv", "-"});
  CHECK(here.sinks[0].path == "out/c.jsonl");
  CHECK(here.sinks[0].updates == "out/c.updates.jsonl");
}

TEST_CASE("job: a pattern's characters in the folder's own name are no pattern") {
  const Job job = parsed("[[source]]\nname = \"a\"\ninputs = [\"*.csv\", \"plain.csv\"]\n" + kSink, "q[1]*?/job.toml");
  CHECK(job.sources[0].inputs == Texts{"q[[]1][*][?]/*.csv", "q[1]*?/plain.csv"});
  CHECK(job.sinks[0].path == "q[1]*?/out.jsonl");
}

TEST_CASE("job: amounts of memory") {
  const auto limit = [](const std::string& value) {
    return parsed("[job]\nmemory_limit = " + value + "\n" + kSmallest).memory_limit;
  };
  CHECK(limit("\"1GiB\"") == 1ULL << 30);
  CHECK(limit("\"512MiB\"") == 512ULL << 20);
  CHECK(limit("\"2GB\"") == 2'000'000'000);
  CHECK(limit("\"2 gb\"") == 2'000'000'000);
  CHECK(limit("\"20000KiB\"") == 20'000ULL << 10);
  CHECK(limit("\"1TiB\"") == 1ULL << 40);
  CHECK(limit("\"1TB\"") == 1'000'000'000'000);
  CHECK(limit("\"17MB\"") == 17'000'000);
  CHECK(limit("\"17000kB\"") == 17'000'000);
  CHECK(limit("\"16777216B\"") == 16'777'216);
  CHECK(limit("\"16777216\"") == 16'777'216);
  CHECK(limit("16777216") == 16'777'216);
  CHECK(limit("16_777_216") == 16'777'216);
  CHECK(limit("\"16MiB\"") == 16'777'216);
}

TEST_CASE("job: what a source can say") {
  const auto source = [](const std::string& line) {
    return parsed("[[source]]\nname = \"a\"\ninputs = [\"x\"]\n" + line + "\n" + kSink).sources[0];
  };
  CHECK(source("disambiguation = \"earlier\"").disambiguation == Disambiguation::earlier);
  CHECK(source("disambiguation = \"later\"").disambiguation == Disambiguation::later);
  CHECK(source("disambiguation = \"reject\"").disambiguation == Disambiguation::reject);
  CHECK(source("disambiguation = \"evidence\"").disambiguation == Disambiguation::compatible);
  CHECK(source("disambiguation = \"evidence\"").evidence);
  CHECK_FALSE(source("disambiguation = \"later\"").evidence);
  CHECK(parsed("[job]\norder_by = \"started_at\"\n" + kSmallest).order_by == Job::OrderBy::started_at);
}

TEST_CASE("job: settings are text, however they are written") {
  const Job job =
      parsed(kSource +
             "[source.settings]\ntext = \"a, b\"\nempty = \"\"\nwhole = -3\nhex = 0x10\nhalf = 1.5\nround = 5.0\nbig = 1e3\nyes "
             "= true\nno = false\n"
             "list = [\"Tags\", \"Chat ID\"]\nnone = []\n\"channel.web form\" = \"email\"\nchannel.any = \"chat\"\na.b.c = 1\n" +
             kSink);
  CHECK(job.sources[0].settings == std::map<std::string, std::string, std::less<>>{{"text", "a, b"},
                                                                                   {"empty", ""},
                                                                                   {"whole", "-3"},
                                                                                   {"hex", "16"},
                                                                                   {"half", "1.5"},
                                                                                   {"round", "5"},
                                                                                   {"big", "1000"},
                                                                                   {"yes", "true"},
                                                                                   {"no", "false"},
                                                                                   {"list", "Tags,Chat ID"},
                                                                                   {"none", ""},
                                                                                   {"channel.web form", "email"},
                                                                                   {"channel.any", "chat"},
                                                                                   {"a.b.c", "1"}});
  CHECK(parsed("[[source]]\nname = \"a\"\ninputs = [\"x\"]\nsettings = { default_channel = \"email\" }\n" + kSink)
            .sources[0]
            .settings.at("default_channel") == "email");
}

TEST_CASE("job: links go to the longest source name that fits") {
  const std::string sources =
      "[[source]]\nname = \"a\"\ninputs = [\"1\"]\n[[source]]\nname = \"a.b\"\ninputs = [\"2\"]\n"
      "[[source]]\nname = \"a.b.metadata\"\ninputs = [\"3\"]\n" +
      kSink;
  const auto link = [&](const std::string& left, const std::string& right) {
    return parsed(sources + "[[merge.link]]\nleft = \"" + left + "\"\nright = \"" + right + "\"\n").links[0];
  };
  const LinkRule one = link("a.external_id", "a.b.customer_id");
  CHECK(one.left.source == 0);
  CHECK(one.left.target == Target::external_id);
  CHECK(one.right.source == 1);
  CHECK(one.right.target == Target::customer_id);
  const LinkRule two = link("a.metadata.b.c", "a.b.metadata.metadata.Chat ID");
  CHECK(two.left.source == 0);
  CHECK(two.left.target == Target::none);
  CHECK(two.left.metadata_key == "b.c");
  CHECK(two.right.source == 2);
  CHECK(two.right.metadata_key == "Chat ID");
  const LinkRule same = link("a.external_id", "a.metadata.parent");
  CHECK(same.left.source == same.right.source);
}

TEST_CASE("job: all fields of the schema have priorities") {
  const Job job =
      parsed(kThree +
             "[merge.fields]\nexternal_id = [\"chat.eu\"]\nplatform = [\"crm\"]\nchannel = [\"crm\"]\nqueue_id = [\"crm\"]\n"
             "assigned_agent_id = [\"csat\"]\ncustomer_id = [\"crm\"]\nsubject = [\"crm\"]\nstatus = [\"csat\", \"crm\"]\n"
             "started_at = [\"crm\"]\nended_at = [\"csat\"]\nhandle_time_seconds = [\"csat\"]\nwait_time_seconds = [\"crm\"]\n"
             "first_response_time_seconds = [\"crm\"]\nresolved = [\"csat\"]\ncsat_score = [\"csat\", \"chat.eu\", \"crm\"]\n");
  CHECK(job.priorities.size() == 15);
  CHECK(job.priorities.at(Target::external_id) == std::vector<std::size_t>{1});
  CHECK(job.priorities.at(Target::handle_time) == std::vector<std::size_t>{2});
  CHECK(job.priorities.at(Target::csat_score) == std::vector<std::size_t>{2, 1, 0});
}

TEST_CASE("job: byte order mark and line ends do not matter") {
  std::string windows = "\xEF\xBB\xBF";
  for (const char c : std::string(job_example())) windows += c == '\n' ? "\r\n" : std::string(1, c);
  CHECK(parsed(windows).sources.size() == 4);
}

// --- what is refused: the file as a whole ----------------------------------------------------------------------------

TEST_CASE("job: text that is not TOML") {
  const std::string cure = "\n  see https://toml.io, or the example that crosswalk run --help prints";
  CHECK(refused("[job]\norder_by = \n") ==
        "job.toml:2: this is not TOML, at column 12: Error while parsing key-value pair: expected value, saw '\\n'" + cure);
  CHECK(refused("[job]\n[job]\n") ==
        "job.toml:2: this is not TOML, at column 1: Error while parsing table header: cannot redefine "
        "existing table 'job'" +
            cure);
  for (const std::string& text : {"[[="s, "[[[a]]]\n"s, "[[ [a]]\n"s, "[="s, "=1\n"s, "a.=1\n"s, "a.\n"s, "[a"s, "[["s, "["s,
                                  "\""s, "a"s, "ü = 1\n"s, "a = ü\n"s, "a ü = 1\n"s}) {
    CAPTURE(text);
    CHECK(refused(text).starts_with("job.toml:1: this is not TOML, at column "));
  }
  CHECK(refused("a = \"\xFF\"\n").starts_with("job.toml:1: this is not TOML, at column 5: "));
  CHECK(refused("\xFF\xFE[\0j\0"s).starts_with("job.toml:1: this is not TOML, at column "));
  CHECK(refused("id,name\n1,2\n").starts_with("job.toml:1: this is not TOML, at column "));
}

TEST_CASE("job: nothing to read, nothing to write") {
  CHECK(refused("") ==
        "job.toml: 2 problems\n"
        "job.toml: there is no source\n  add one: [[source]] with name, adapter and inputs\n"
        "job.toml: there is no sink, so nothing would be written\n  add one: [[sink]] with type and path");
  CHECK(refused(kSource) == "job.toml: there is no sink, so nothing would be written\n  add one: [[sink]] with type and path");
  CHECK(refused(kSink) == "job.toml: there is no source\n  add one: [[source]] with name, adapter and inputs");
  CHECK(refused("source = []\nsink = []\n") ==
        "job.toml: 2 problems\n"
        "job.toml:1: [[source]]: the list is empty\n  leave it out or fill it\n"
        "job.toml:2: [[sink]]: the list is empty\n  leave it out or fill it");
}

TEST_CASE("job: unknown keys, with the nearest") {
  CHECK(refused("[[sources]]\n" + kSmallest) == "job.toml:1: the file: there is no key \"sources\"\n  did you mean \"source\"?");
  CHECK(refused("[delivery]\n" + kSmallest) ==
        "job.toml:1: the file: there is no key \"delivery\"\n  there are: job, source, merge, ids, sink");
  CHECK(general("memory = 1") ==
        "job.toml:2: [job]: there is no key \"memory\"\n  there are: external_id, instance, memory_limit, order_by, "
        "zone_data, rejects, max_rejects, ledger");
  CHECK(general("memory_limt = 1") == "job.toml:2: [job]: there is no key \"memory_limt\"\n  did you mean \"memory_limit\"?");
  CHECK(in_source("timezone = \"UTC\"") ==
        "job.toml:4: [[source]] \"crm\": there is no key \"timezone\"\n  did you mean \"time_zone\"?");
  CHECK(in_sink("type = \"jsonl\"\npath = \"x\"\nurl = \"https://x\"") ==
        "job.toml:8: [[sink]]: there is no key \"url\"\n  there are: type, path, updates");
  CHECK(in_sink("type = \"sqlite\"\npath = \"x\"\nupdates = \"y\"") ==
        "job.toml:8: [[sink]]: there is no key \"updates\"\n  there are: type, path");
  CHECK(after_three("[merge]\nlinks = 1") == "job.toml:15: [merge]: there is no key \"links\"\n  did you mean \"link\"?");
  CHECK(after_three("[merge.fields]\ncsat = [\"crm\"]") ==
        "job.toml:15: [merge.fields]: there is no key \"csat\"\n  there are: external_id, platform, channel, queue_id, "
        "assigned_agent_id, customer_id, subject, status, started_at, ended_at, handle_time_seconds, wait_time_seconds, "
        "first_response_time_seconds, resolved, csat_score");
  CHECK(after_three("[merge.fields]\nstart_at = [\"crm\"]") ==
        "job.toml:15: [merge.fields]: there is no key \"start_at\"\n  did you mean \"started_at\"?");
  CHECK(after_three("[[merge.link]]\nleft = \"crm.external_id\"\nright = \"chat.eu.external_id\"\non = 1") ==
        "job.toml:17: [[merge.link]]: there is no key \"on\"\n  there are: left, right");
  CHECK(after_three("[ids.agent]\nfile = \"x\"") == "job.toml:14: [ids]: there is no key \"agent\"\n  did you mean \"agents\"?");
  CHECK(after_three("[ids.agents]\nfile = \"x\"\nunkown = \"keep\"") ==
        "job.toml:16: [ids.agents]: there is no key \"unkown\"\n  did you mean \"unknown\"?");
}

TEST_CASE("job: a key that is very long or not to be shown") {
  const std::string error = general("\"" + std::string(100'000, 'x') + "\" = 1");
  CHECK(error.size() < 300);
  CHECK(error.starts_with("job.toml:2: [job]: there is no key \"xxxx"));
}

TEST_CASE("job: sections of the wrong kind") {
  CHECK(refused("[source]\nname = \"a\"\n" + kSink) ==
        "job.toml:1: [[source]]: a list of tables was expected, not a table\n  write [[source]] above each");
  CHECK(refused("sink = \"out.jsonl\"\n" + kSource) ==
        "job.toml:1: [[sink]]: a list of tables was expected, not text\n  write [[sink]] above each");
  CHECK(refused("source = [\"a.csv\"]\n" + kSink) ==
        "job.toml:1: [[source]]: a list of tables was expected, not text\n  write [[source]] above each");
  CHECK(refused("[[job]]\norder_by = \"external_id\"\n" + kSmallest) ==
        "job.toml:1: [job]: a table was expected, not a list of tables\n  write job with single brackets, once");
  CHECK(refused("job = 5\n" + kSmallest) ==
        "job.toml:1: [job]: a table was expected, not a whole number\n  give it keys: job = { key = \"value\" }");
  CHECK(in_source("settings = [\"default_channel=email\"]") ==
        "job.toml:4: [[source]] \"crm\" settings: a table was expected, not a list\n"
        "  give it keys: settings = { key = \"value\" }");
}

TEST_CASE("job: values of the wrong kind") {
  CHECK(general("rejects = 5") == "job.toml:2: [job] rejects: text was expected, not a whole number\n  put it in quotes");
  CHECK(general("rejects = 1.5") == "job.toml:2: [job] rejects: text was expected, not a number\n  put it in quotes");
  CHECK(general("rejects = true") == "job.toml:2: [job] rejects: text was expected, not true or false\n  put it in quotes");
  CHECK(general("rejects = 2024-11-03") == "job.toml:2: [job] rejects: text was expected, not a date\n  put it in quotes");
  CHECK(general("rejects = 01:30:00") == "job.toml:2: [job] rejects: text was expected, not a time of day\n  put it in quotes");
  CHECK(general("rejects = 2024-11-03T01:30:00Z") ==
        "job.toml:2: [job] rejects: text was expected, not a date and time\n  put it in quotes");
  CHECK(general("rejects = [\"a\"]") == "job.toml:2: [job] rejects: text was expected, not a list\n  give one text, in quotes");
  CHECK(general("rejects = { a = 1 }") ==
        "job.toml:2: [job] rejects: text was expected, not a table\n  give one text, in quotes");
  CHECK(general("rejects = \"\"") == "job.toml:2: [job] rejects: the text is empty\n  give it a value, or leave the key out");
  CHECK(general("rejects = \"a\\u0000b\"") == "job.toml:2: [job] rejects: there is a NUL character in the text\n  leave it out");
}

TEST_CASE("job: all problems are told together, in the order of the file, ten at most") {
  CHECK(refused("[[sink]]\ntype = \"xml\"\n[[source]]\nrole = \"join\"\n[job]\norder_by = \"id\"\n") ==
        "job.toml: 6 problems\n"
        "job.toml:1: [[sink]]: path is missing\n  name the file: path = \"out/conversations.jsonl\"\n"
        "job.toml:2: [[sink]] type: \"xml\" is none of jsonl, bulk, sqlite, assembled, http\n  choose one of jsonl, bulk, "
        "sqlite, assembled, http\n"
        "job.toml:3: [[source]]: name is missing\n  give it one: name = \"zendesk-us\"\n"
        "job.toml:3: [[source]]: inputs is missing\n  name its files: inputs = [\"exports/*.csv\"]\n"
        "job.toml:4: [[source]] role: \"join\" is none of merge, enrich\n  choose one of merge, enrich\n"
        "job.toml:6: [job] order_by: \"id\" is none of external_id, started_at\n  choose one of external_id, started_at");
  std::string many = kSmallest + "[job]\n";
  for (int i = 0; i < 12; ++i) many += "unheard" + std::to_string(i) + " = 1\n";
  const std::string error = refused(many);
  CHECK(error.starts_with("job.toml: 12 problems\njob.toml:9: [job]: there is no key \"unheard0\"\n"));
  CHECK(error.find("unheard9\"") != std::string::npos);
  CHECK(error.find("unheard10") == std::string::npos);
  CHECK(error.ends_with("\nand 2 more"));
}

// --- what is refused: [job] ------------------------------------------------------------------------------------------

TEST_CASE("job: templates") {
  const std::string place = "job.toml:2: [job] external_id: ";
  CHECK(general("external_id = \"{platform}\"") ==
        place +
            "\"{platform}\" has no {id}: different conversations would get the same id\n"
            "  put {id} in, for example \"{platform}:{id}\"");
  CHECK(general("external_id = \"{platfrom}:{id}\"") ==
        place + "\"{platfrom}:{id}\": there is no placeholder {platfrom}\n  did you mean {platform}?");
  CHECK(general("external_id = \"{external}:{id}\"") ==
        place +
            "\"{external}:{id}\": there is no placeholder {external}\n  there are {id}, {platform}, {instance}, {source}, "
            "{scope}");
  CHECK(general("external_id = \"{id\"") ==
        place + "\"{id\" opens a brace that is not closed\n  close it, or write {{ for a brace");
  CHECK(general("external_id = \"{pla{id}\"") ==
        place + "\"{pla{id}\" opens a brace that is not closed\n  close it, or write {{ for a brace");
  CHECK(general("external_id = \"id}\"") ==
        place + "\"id}\" closes a brace that was not opened\n  open it, or write }} for a brace");
  CHECK(general("external_id = \"{{id}}\"") == place +
                                                   "\"{{id}}\" has no {id}: different conversations would get the same id\n"
                                                   "  put {id} in, for example \"{platform}:{id}\"");
}

TEST_CASE("id template: what it writes") {
  const auto written = [](std::string_view text) {
    const auto made = IdTemplate::parse(text);
    REQUIRE_MESSAGE(made.ok(), made.error().text());
    std::string id = ">";
    made->write({"7", "zendesk", "eu", "us", "acme"}, id);
    return id;
  };
  CHECK(written("{id}") == ">7");
  CHECK(written("{platform}:{id}") == ">zendesk:7");
  CHECK(written("{source}/{scope}/{id}.") == ">us/acme/7.");
  CHECK(written("{platform}:{instance}:{id}") == ">zendesk:eu:7");
  CHECK(written("{id}{id}") == ">77");
  CHECK(written("{{{id}}}") == ">{7}");
  CHECK(written("}}{{{id}") == ">}{7");
}

TEST_CASE("id template: whether ids of two sources can be the same") {
  using Values = IdTemplate::Values;
  const auto apart = [](std::string_view text, const Values& one, const Values& other) {
    const auto made = IdTemplate::parse(text);
    REQUIRE_MESSAGE(made.ok(), made.error().text());
    CHECK(made->keeps_apart(one, other) == made->keeps_apart(other, one));
    return made->keeps_apart(one, other);
  };
  const Values us{"", "zendesk", "us", "a", ""}, eu{"", "zendesk", "eu", "b", ""}, chat{"", "asapp", "us", "c", ""};
  CHECK_FALSE(apart("{id}", us, eu));
  CHECK_FALSE(IdTemplate().keeps_apart(us, chat));
  CHECK_FALSE(apart("{platform}:{id}", us, eu));
  CHECK(apart("{platform}:{id}", us, chat));
  CHECK(apart("{platform}:{instance}:{id}", us, eu));
  CHECK(apart("{id}@{instance}", us, eu));
  CHECK(apart("{scope}/{instance}/{id}", us, eu));
  CHECK_FALSE(apart("{instance}:{id}", us, chat));
  CHECK(apart("{source}:{id}", us, chat));
  // What one begins with, the other's id may go on with.
  const Values eu2{"", "zendesk", "eu2", "b", ""}, eu_2{"", "zendesk", "eu-2", "b", ""};
  CHECK_FALSE(apart("{instance}{id}", eu, eu2));
  CHECK_FALSE(apart("{instance}-{id}", eu, eu_2));
  CHECK(apart("{instance}:{id}", eu, eu2));
  CHECK(apart("{instance}:{id}", eu, eu_2));
  CHECK_FALSE(apart("{id}{instance}", Values{"", "", "1", "", ""}, Values{"", "", "21", "", ""}));
}

TEST_CASE("job: instances and limits of rejects") {
  const Job job = parsed(
      "[job]\ninstance = \"main\"\nmax_rejects = \"0.5%\"\n[[source]]\nname = \"crm\"\ninputs = [\"a\"]\n"
      "instance = \"EU_1-b\"\nmax_rejects = 3\n[[source]]\nname = \"chat\"\ninputs = [\"b\"]\n"
      "max_rejects = \"12\"\n" +
      kSink);
  CHECK(job.instance == "main");
  CHECK(job.max_rejects.percent == 0.5);
  CHECK_FALSE(job.max_rejects.count);
  CHECK(job.sources[0].instance == "EU_1-b");
  CHECK(job.sources[0].max_rejects.count == 3);
  CHECK(job.sources[1].instance == "");
  CHECK(job.sources[1].max_rejects.count == 12);
  CHECK(in_source("instance = \"a b\"") ==
        "job.toml:4: [[source]] \"crm\" instance: \"a b\" has other characters than letters, digits, _ and -\n"
        "  name the account by those alone, for example \"eu\"");
  CHECK(general("instance = \"é\"").starts_with("job.toml:2: [job] instance: \"é\" has other characters"));
  CHECK(general("instance = \"a:b\"").starts_with("job.toml:2: [job] instance: \"a:b\" has other characters"));
  CHECK(general("instance = \"\"") == "job.toml:2: [job] instance: the text is empty\n  give it a value, or leave the key out");
  const std::string cure = "\n  a number of records, such as 100, or a percentage in quotes, such as \"0.5%\"";
  CHECK(general("max_rejects = 0.5") ==
        "job.toml:2: [job] max_rejects: a number of records or a percentage was expected, not a number" + cure);
  for (const std::string wrong : {"-1", "101%", "x", "", "1.5", "%", "1 %"}) {
    CAPTURE(wrong);
    CHECK(in_source("max_rejects = \"" + wrong + "\"") ==
          "job.toml:4: [[source]] \"crm\" max_rejects: \"" + wrong + "\" is neither a number of records nor a percentage" + cure);
  }
  CHECK(general("max_rejects = -1").ends_with("\"-1\" is neither a number of records nor a percentage" + cure));
}

TEST_CASE("job: amounts of memory that are none") {
  const std::string cure = "\n  a whole number of bytes, or one with a unit: \"512MiB\", \"1GiB\", \"2GB\"";
  const std::string place = "job.toml:2: [job] memory_limit: ";
  CHECK(general("memory_limit = \"lots\"") == place + "\"lots\" is not an amount of memory" + cure);
  CHECK(general("memory_limit = \"1.5GiB\"") == place + "\"1.5GiB\" is not an amount of memory" + cure);
  CHECK(general("memory_limit = \"1G\"") == place + "\"1G\" is not an amount of memory" + cure);
  CHECK(general("memory_limit = \"-1GiB\"") == place + "\"-1GiB\" is not an amount of memory" + cure);
  CHECK(general("memory_limit = \"99999999TiB\"") == place + "\"99999999TiB\" is not an amount of memory" + cure);
  CHECK(general("memory_limit = \"99999999999999999999\"") ==
        place + "\"99999999999999999999\" is not an amount of memory" + cure);
  CHECK(general("memory_limit = -5") == place + "-5 is not an amount of memory" + cure);
  CHECK(general("memory_limit = 1.5") == place + "an amount of memory was expected, not a number" + cure);
  CHECK(general("memory_limit = \"15MiB\"") == place + "15728640 bytes are too few for a run\n  give it at least \"16MiB\"");
  CHECK(general("memory_limit = 0") == place + "0 bytes are too few for a run\n  give it at least \"16MiB\"");
}

// --- what is refused: sources ----------------------------------------------------------------------------------------

TEST_CASE("job: names of sources") {
  const auto named = [](const std::string& name) {
    return refused("[[source]]\nname = " + name + "\ninputs = [\"x\"]\n" + kSink);
  };
  CHECK(named("\"\"") == "job.toml:2: [[source]] name: the text is empty\n  give it a value, or leave the key out");
  CHECK(named("\"  \"") == "job.toml:2: [[source]] name: it is blank\n  give it one that can be seen");
  CHECK(named("\"a\\nb\"") ==
        "job.toml:2: [[source]] name: \"a\\nb\" has a control character in it\n  use characters that can be seen");
  CHECK(named("\"a\\u202Eb\"") ==
        "job.toml:2: [[source]] name: \"a\\u202eb\" has a control character in it\n  use characters that can be seen");
  CHECK(named("\"crosswalk\"") ==
        "job.toml:2: [[source]] name: \"crosswalk\" stands for the program itself\n  choose another name");
  CHECK(named("7") == "job.toml:2: [[source]] name: text was expected, not a whole number\n  put it in quotes");
  CHECK(refused(kSource + kSource + kSink) ==
        "job.toml:6: [[source]] name: \"crm\" is also the source in line 1\n  give each source its own name");
  CHECK(refused("[[source]]\ninputs = [\"x\"]\n[merge]\nseveral = [\"crm\"]\n" + kSink) ==
        "job.toml:1: [[source]]: name is missing\n  give it one: name = \"zendesk-us\"");
}

TEST_CASE("job: inputs") {
  const auto with = [](const std::string& inputs) { return refused("[[source]]\nname = \"crm\"\n" + inputs + "\n" + kSink); };
  CHECK(with("") == "job.toml:1: [[source]] \"crm\": inputs is missing\n  name its files: inputs = [\"exports/*.csv\"]");
  CHECK(with("inputs = []") ==
        "job.toml:3: [[source]] \"crm\" inputs: the list is empty\n  name its files: inputs = [\"exports/*.csv\"]");
  CHECK(with("inputs = \"a.csv\"") ==
        "job.toml:3: [[source]] \"crm\" inputs: a list of texts was expected, not text\n  put it in brackets: inputs = [\"…\"]");
  CHECK(with("inputs = [\n\"a\",\n5]") ==
        "job.toml:5: [[source]] \"crm\" inputs: text was expected, not a whole number\n  put each in quotes");
  CHECK(with("inputs = [\"a\", \"\"]") ==
        "job.toml:3: [[source]] \"crm\" inputs: there is an empty text in the list\n  leave it out");
  CHECK(refused("[[source]]\nname = \"a\"\ninputs = [\"-\"]\n[[source]]\nname = \"b\"\ninputs = [\"-\"]\n" + kSink) ==
        "job.toml:6: [[source]] \"b\" inputs: standard input can be read once, and [[source]] \"a\" inputs in line 3 does\n"
        "  give a file");
}

TEST_CASE("job: words that a source does not know") {
  CHECK(in_source("disambiguation = \"earliest\"") ==
        "job.toml:4: [[source]] \"crm\" disambiguation: \"earliest\" is none of compatible, earlier, later, reject, evidence\n"
        "  did you mean \"earlier\"?");
  CHECK(in_source("role = \"enrichment\"") ==
        "job.toml:4: [[source]] \"crm\" role: \"enrichment\" is none of merge, enrich\n  choose one of merge, enrich");
}

TEST_CASE("job: settings that cannot be given") {
  const std::string cure = "\n  a text, a number, true, false, or a list of texts";
  const std::string place = "job.toml:4: [[source]] \"crm\" settings ";
  CHECK(in_source("settings = { since = 2024-01-01 }") == place + "since: a value of a setting was expected, not a date" + cure);
  CHECK(in_source("settings = { good = nan }") == place + "good: a value of a setting was expected, not a number" + cure);
  CHECK(in_source("settings = { metadata = [1] }") == place + "metadata: text was expected, not a whole number" + cure);
  CHECK(in_source("settings = { metadata = [\"a,b\"] }") ==
        place + "metadata: \"a,b\" has a comma in it, which divides the texts of a list\n  give it as two texts");
  CHECK(in_source("settings = { \"channel.web\" = \"chat\", channel.web = \"email\" }") ==
        place + "channel.web: the setting is there twice, with and without quotes\n  keep one of them");
  CHECK(in_source("settings = { a = \"\\u0000\" }") == place + "a: there is a NUL character in the text\n  leave it out");
}

TEST_CASE("job: somebody must bring conversations") {
  CHECK(in_source("role = \"enrich\"") ==
        "job.toml:1: the only source enriches, so there is no conversation for it to enrich\n"
        "  leave out role = \"enrich\" where the conversations come from");
  CHECK(
      refused("[[source]]\nname = \"a\"\ninputs = [\"x\"]\nrole = \"enrich\"\n[[source]]\nname = \"b\"\ninputs = [\"x\"]\nrole = "
              "\"enrich\"\n" +
              kSink) ==
      "job.toml:1: all sources enrich, so there is no conversation for them to enrich\n"
      "  leave out role = \"enrich\" where the conversations come from");
}

// --- what is refused: rules ------------------------------------------------------------------------------------------

TEST_CASE("job: sources that a rule names and that are not there") {
  CHECK(after_three("[merge.fields]\ncsat_score = [\"csatt\", \"crm\"]") ==
        "job.toml:15: [merge.fields] csat_score: there is no source \"csatt\"\n  did you mean \"csat\"?");
  CHECK(after_three("[merge.fields]\nstatus = [\n\"crm\",\n\"phone-system\"]") ==
        "job.toml:17: [merge.fields] status: there is no source \"phone-system\"\n  there are: crm, chat.eu, csat");
  CHECK(after_three("[merge.fields]\nstatus = [\"crm\", \"crm\"]") ==
        "job.toml:15: [merge.fields] status: \"crm\" is there twice\n  leave one out");
  CHECK(after_three("[merge.fields]\nstatus = []") ==
        "job.toml:15: [merge.fields] status: the list is empty\n  leave it out or fill it");
  CHECK(after_three("[merge.fields]\nstatus = \"crm\"") ==
        "job.toml:15: [merge.fields] status: a list of texts was expected, not text\n  put it in brackets: status = [\"…\"]");
  CHECK(after_three("[merge.fields]\nsubject = [\"crm\", \"csat\"]") ==
        "job.toml:15: [merge.fields] subject: the source \"csat\" enriches, and an update cannot carry this field\n"
        "  take it out of this list");
  CHECK(after_three("[merge]\nseveral = [\"crn\"]") ==
        "job.toml:15: [merge] several: there is no source \"crn\"\n  did you mean \"crm\"?");
}

TEST_CASE("job: links") {
  const auto left = [](const std::string& end) {
    return after_three("[[merge.link]]\nleft = \"" + end + "\"\nright = \"crm.external_id\"");
  };
  const std::string place = "job.toml:15: [[merge.link]] left: ";
  CHECK(left("crm") ==
        place + "\"crm\" is not a source and a field\n  join them by a dot, for example \"zendesk-us.external_id\"");
  CHECK(left("crn.external_id") == place + "there is no source \"crn\"\n  did you mean \"crm\"?");
  CHECK(left("phone.external_id") == place + "there is no source \"phone\"\n  there are: crm, chat.eu, csat");
  CHECK(left("chat.eu.external") == place +
                                        "\"external\" is no field of a conversation\n"
                                        "  a field of the schema, such as external_id, or metadata.<key>");
  CHECK(left("chat.eu.costumer_id") == place + "\"costumer_id\" is no field of a conversation\n  did you mean \"customer_id\"?");
  CHECK(left("chat.eu.metadata.") == place +
                                         "\"metadata.\" is no field of a conversation\n"
                                         "  a field of the schema, such as external_id, or metadata.<key>");
  CHECK(left("chat.eu.") == place +
                                "\"\" is no field of a conversation\n"
                                "  a field of the schema, such as external_id, or metadata.<key>");
  CHECK(left("crm.external_id") ==
        "job.toml:14: [[merge.link]]: both ends are \"crm.external_id\", so it links nothing\n"
        "  name the field of another source on one side");
  CHECK(after_three("[[merge.link]]\nleft = \"crm.external_id\"") ==
        "job.toml:14: [[merge.link]]: right is missing\n  say which field: right = \"zendesk-us.metadata.Chat ID\"");
}

TEST_CASE("job: id tables") {
  CHECK(after_three("[ids.queues]\nunknown = \"drop\"") ==
        "job.toml:14: [ids.queues]: file is missing\n  name the table: file = \"ids/queues.csv\"");
  CHECK(after_three("[ids.customers]\nfile = \"x\"\nunknown = \"rejct\"") ==
        "job.toml:16: [ids.customers] unknown: \"rejct\" is none of keep, drop, reject\n  did you mean \"reject\"?");
}

// --- what is refused: sinks ------------------------------------------------------------------------------------------

TEST_CASE("job: sinks") {
  CHECK(in_sink("path = \"x\"") == "job.toml:5: [[sink]]: type is missing\n  one of jsonl, bulk, sqlite, assembled, http");
  CHECK(in_sink("type = \"jsonl\"") ==
        "job.toml:5: [[sink]]: path is missing\n  name the file: path = \"out/conversations.jsonl\"");
  CHECK(in_sink("type = \"json\"\npath = \"x\"") ==
        "job.toml:6: [[sink]] type: \"json\" is none of jsonl, bulk, sqlite, assembled, http\n  did you mean \"jsonl\"?");
  // The keys of a type that is not there are nobody's mistake.
  CHECK(in_sink("type = \"kafka\"\npath = \"x\"\nurl = \"https://x\"") ==
        "job.toml:6: [[sink]] type: \"kafka\" is none of jsonl, bulk, sqlite, assembled, http\n"
        "  choose one of jsonl, bulk, sqlite, assembled, http");
  CHECK(in_sink("type = \"sqlite\"\npath = \"-\"") ==
        "job.toml:7: [[sink]] path: a database cannot be written to standard output\n"
        "  name a file: path = \"out/conversations.db\"");
  CHECK(in_sink("type = \"bulk\"\npath = \"out/\"") == "job.toml:7: [[sink]] path: \"out/\" is a folder\n  name a file in it");
}

TEST_CASE("job: sinks that deliver") {
  const auto read = [](const std::string& sink) {
    const auto job = parse_job(kSource + "[[sink]]\n" + sink, "job.toml");
    REQUIRE_MESSAGE(job.ok(), (job ? "" : job.error().text()));
    return job->sinks.front();
  };
  const std::string least = "type = \"assembled\"\njournal = \"j.db\"\napi_key = { env = \"KEY\" }\n";
  const JobSink sink = read(least);
  CHECK(sink.delivers());
  CHECK(sink.path == "j.db");
  CHECK(sink.delivery.url == "https://api.assembledhq.com/v0/conversations/bulk");
  CHECK(sink.delivery.api_key.env == "KEY");
  CHECK(sink.delivery.batch_size == 500);
  CHECK(sink.delivery.rate_per_minute == 300);
  CHECK(sink.delivery.burst == 20);
  CHECK(sink.delivery.method == "POST");
  CHECK(sink.delivery.update_method == "PATCH");
  CHECK(read(least + "url = \"http://127.0.0.1:80/\"\napi_version = \"2026-01-01\"").delivery.url ==
        "http://127.0.0.1:80/v0/conversations/bulk");
  const JobSink http = read(
      "type = \"http\"\nurl = \"https://x/y\"\njournal = \"j\"\nmethod = \"PUT\"\nbody = '{\"a\":{\"b\":$records},\"c\":1}'\n"
      "headers = { X-Tenant = \"t\", Authorization = { env = \"TOKEN\" } }");
  CHECK(http.delivery.method == "PUT");
  CHECK(http.delivery.update_method.empty());
  CHECK(http.delivery.body_head == "{\"a\":{\"b\":[");
  CHECK(http.delivery.body_tail == "]},\"c\":1}");
  CHECK(http.delivery.headers.size() == 2);
  CHECK(http.delivery.accept == std::vector<int>{200, 201, 202, 204});
  CHECK(sink.delivery.accept == std::vector<int>{202});
  CHECK_FALSE(sink.delivery.max_refused.count.has_value());
  CHECK(sink.delivery.first_contact_timeout == 60);
  CHECK_FALSE(sink.delivery.accept_unknown);
  CHECK(read(least + "accept = [200, 202]").delivery.accept == std::vector<int>{200, 202});
  CHECK(read(least + "max_refused = 7").delivery.max_refused.count == 7);
  CHECK(read(least + "max_refused = \"2.5%\"").delivery.max_refused.percent == 2.5);
  for (const char* url : {"http://localhost:1", "http://[::1]:80", "http://127.5.4.3/x"}) {
    CHECK(read(least + "url = \"" + url + "\"").delivery.url.starts_with(url));
  }

  const auto refuse = [](const std::string& lines) { return in_sink("type = \"assembled\"\njournal = \"j.db\"\n" + lines); };
  const std::string secret = "sk_live_c4n4ry";
  for (const std::string& line :
       {"api_key = \"" + secret + "\"", "api_key = { env = \"" + secret + "\" }", "api_key = { key = \"" + secret + "\" }",
        "api_key = [\"" + secret + "\"]", "api_key = { env = \"A\", file = \"" + secret + "\" }"}) {
    const std::string said = refuse(line);
    CHECK(said.starts_with("job.toml:8: [[sink]] api_key"));
    CHECK(said.find(secret) == std::string::npos);
  }
  CHECK(refuse("api_key = \"x\"") ==
        "job.toml:8: [[sink]] api_key: a secret does not belong into a job file\n"
        "  say where it is: api_key = { env = \"NAME\" }, or { file = \"path\" }; if this one was real, have it replaced");
  CHECK(refuse("") ==
        "job.toml:5: [[sink]]: api_key is missing\n  say where the key is: api_key = { env = \"ASSEMBLED_API_KEY\" }");
  const std::string key = "api_key = { env = \"KEY\" }\n";
  CHECK(refuse(key + "burst = 0") ==
        "job.toml:9: [[sink]] burst: 0 cannot be\n  a whole number from 1 to 1000000, without quotes");
  CHECK(refuse(key + "batch_size = 1.5") ==
        "job.toml:9: [[sink]] batch_size: a whole number was expected, not a number\n  a whole number from 1 to 100000, without "
        "quotes");
  CHECK(refuse(key + "url = \"http://example.com\"") ==
        "job.toml:9: [[sink]] url: with http:// the key would go over the network for all to read\n"
        "  write https://; http:// is for this machine alone");
  for (const char* url : {"http://127.0.0.1.example.com", "http://localhost.example.com", "http://127.1", "http://2130706433"}) {
    CHECK(refuse(key + "url = \"" + url + "\"").find("with http:// the key would go over the network") != std::string::npos);
  }
  CHECK(refuse(key + "url = \"https://x/y?key=" + secret + "\"") ==
        "job.toml:9: [[sink]] url: there is a query in it\n"
        "  end it before the \"?\" or \"#\"; a key belongs into api_key or headers");
  CHECK(refuse(key + "url = \"https://x/y#z\"").starts_with("job.toml:9: [[sink]] url: there is a fragment in it"));
  CHECK(refuse(key + "accept = [302]").starts_with("job.toml:9: [[sink]] accept: this is no status of a success"));
  CHECK(refuse(key + "accept = []").starts_with("job.toml:9: [[sink]] accept: nothing would be accepted"));
  CHECK(refuse(key + "accept = 202").starts_with("job.toml:9: [[sink]] accept: a list of statuses was expected"));
  CHECK(refuse(key + "max_refused = \"some\"").starts_with("job.toml:9: [[sink]] max_refused: this is neither"));
  CHECK(refuse(key + "url = \"https://user:" + secret + "@example.com\"") ==
        "job.toml:9: [[sink]] url: there is a user or a password in it\n  leave it out; api_key says where the key is");
  CHECK(refuse(key + "body = \"x\"").starts_with("job.toml:9: [[sink]]: there is no key \"body\""));
  CHECK(in_sink("type = \"http\"\nurl = \"https://x\"\njournal = \"j\"\nbody = '{\"a\":}'")
            .starts_with("job.toml:9: [[sink]] body: $records must stand in it, once"));
  CHECK(in_sink("type = \"http\"\nurl = \"https://x\"\njournal = \"j\"\nheaders = { Authorization = \"" + secret + "\" }")
            .find(secret) == std::string::npos);
}

TEST_CASE("job: two outputs in one place") {
  CHECK(in_sink("type = \"jsonl\"\npath = \"a\"\n[[sink]]\ntype = \"sqlite\"\npath = \"./b/../a\"") ==
        "job.toml:10: [[sink]] path: \"./b/../a\" is written to already, by [[sink]] path in line 7\n  give each its own file");
  CHECK(in_sink("type = \"jsonl\"\npath = \"-\"\n[[sink]]\ntype = \"bulk\"\npath = \"-\"") ==
        "job.toml:10: [[sink]] path: standard output is written to already, by [[sink]] path in line 7\n"
        "  give each its own file");
  CHECK(refused("[job]\nrejects = \"out.jsonl\"\n" + kSmallest) ==
        "job.toml:9: [[sink]] path: \"out.jsonl\" is written to already, by [job] rejects in line 2\n  give each its own file");
  CHECK(in_sink("type = \"jsonl\"\npath = \"a\"\nupdates = \"a\"") ==
        "job.toml:8: [[sink]] updates: \"a\" is written to already, by [[sink]] path in line 7\n  give each its own file");
  CHECK(after_three("[[sink]]\ntype = \"bulk\"\npath = \"out.json\"") ==
        "job.toml:14: [[sink]] updates, as nothing else is said: \"out.updates.jsonl\" is written to already, by [[sink]] "
        "updates, as nothing else is said in line 11\n  give each its own file");
}

TEST_CASE("job: updates need a place") {
  CHECK(parsed(kThree).sinks[0].updates == "jobs/out.updates.jsonl");
  CHECK(after_three("[[sink]]\ntype = \"bulk\"\npath = \"-\"") ==
        "job.toml:14: [[sink]]: a source enriches, and with standard output as path there is no place for updates of "
        "conversations that are not in this run\n  name one: updates = \"out/updates.jsonl\"");
  CHECK(parsed(kThree + "[[sink]]\ntype = \"bulk\"\npath = \"-\"\nupdates = \"u\"\n").sinks[1].updates == "jobs/u");
  CHECK(parsed(kSource + "[[sink]]\ntype = \"jsonl\"\npath = \"-\"\n").sinks[0].updates == "");
}

// --- files -----------------------------------------------------------------------------------------------------------

TEST_CASE("job: from a file") {
  const fs::path folder = fs::temp_directory_path() / ("crosswalk-job-" + std::to_string(::getpid()));
  fs::create_directories(folder);
  const std::string path = (folder / "job.toml").string();
  std::ofstream(path, std::ios::binary) << "\xEF\xBB\xBF" << kSmallest;
  const auto job = read_job(path);
  REQUIRE(job.ok());
  CHECK(job->path == path);
  CHECK(job->sources[0].inputs == Texts{(folder / "crm.csv").string()});

  std::ofstream(path, std::ios::binary) << "[job]\norder_by = 5\n" << kSmallest;
  const auto wrong = read_job(path);
  REQUIRE_FALSE(wrong.ok());
  CHECK(wrong.error().text() == path + ":2: [job] order_by: text was expected, not a whole number\n  put it in quotes");

  std::ofstream(path, std::ios::binary) << std::string((1 << 20) + 1, ' ');
  const auto large = read_job(path);
  REQUIRE_FALSE(large.ok());
  CHECK(large.error().code == Errc::usage);
  CHECK(large.error().text() ==
        path + ": it is longer than 1048576 bytes, which no job file is\n  name the job file, not an export");

  const auto missing = read_job((folder / "none.toml").string());
  REQUIRE_FALSE(missing.ok());
  CHECK(missing.error().text() == "there is no file " + (folder / "none.toml").string() + "\n  Check the spelling of the path.");
  fs::remove_all(folder);
}

TEST_CASE("job: no damage to a file does more than refuse it") {
  const std::string example(job_example());
  for (std::size_t size = 0; size < example.size(); size += 7) (void)parse_job(example.substr(0, size), "job.toml");
  for (std::size_t at = 0; at < example.size(); at += 5) {
    std::string broken = example;
    broken[at] = "\"[]={}\n\0\xFF."[at % 9];
    (void)parse_job(broken, "job.toml");
  }
}
