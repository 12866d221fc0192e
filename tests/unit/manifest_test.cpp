#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "crosswalk/host.hpp"
#include "crosswalk/plugin.h"
#include "folder.hpp"

using namespace crosswalk;
using namespace std::string_literals;
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {

Json good() {
  return Json::parse(R"({
    "id": "fake", "version": "1.2.3", "abi": 1, "summary": "A fake", "framings": ["csv", "json"], "records": "updates",
    "platform": "fake-crm", "default_channel": "chat", "time_zone": "required", "time_format": "epoch_s",
    "options": [
      {"name": "hours", "type": "choice", "values": ["calendar", "business"], "default": "calendar", "help": "which"},
      {"name": "strict", "type": "boolean", "default": "true", "help": "how"},
      {"name": "good", "type": "number", "help": "what"},
      {"name": "column", "type": "text", "help": "where"}],
    "identify": [
      {"framing": "csv", "score": 90, "all": ["id", "via"], "any": ["x"], "none": ["y"]},
      {"framing": "json", "score": 1}]
  })");
}

std::string library(const std::string& manifest) {
  return "\x7F"
         "ELF\0\0code"s +
         CW_MANIFEST_MARK + manifest + "\0more\0data"s;
}

Result<AdapterInfo> read_bytes(const std::string& bytes) {
  const Folder folder;
  return read_manifest(folder.file("fake.so", bytes));
}

/// The error's message; every refusal of a manifest is a matter of the adapter.
std::string refusal(const Result<AdapterInfo>& info) {
  if (info) return "no error";
  CHECK(info.error().code == Errc::adapter);
  return info.error().message;
}

std::string refusal_of(const Json& manifest) { return refusal(read_bytes(library(manifest.dump()))); }

Json without(const char* key) {
  Json json = good();
  json.erase(key);
  return json;
}

Json changed(const char* key, Json value) {
  Json json = good();
  json[key] = std::move(value);
  return json;
}

std::vector<std::string> ids(const PluginCatalog& catalog) {
  std::vector<std::string> out;
  for (const AdapterInfo* info : catalog.adapters()) out.push_back(info->id);
  return out;
}

std::string named(const std::string& id) { return library(changed("id", id).dump()); }

}  // namespace

TEST_CASE("manifest: everything in it") {
  const Folder folder;
  const std::string path = folder.file("fake.so", library(good().dump()));
  const auto info = read_manifest(path);
  REQUIRE(info.ok());
  CHECK(info->id == "fake");
  CHECK(info->version == "1.2.3");
  CHECK(info->summary == "A fake");
  CHECK(info->abi == 1);
  CHECK(info->framings == std::vector<Framing>{Framing::csv, Framing::json});
  CHECK(info->role == RecordRole::update);
  CHECK(info->platform == "fake-crm");
  CHECK(info->default_channel == "chat");
  CHECK(info->zone_required);
  CHECK_FALSE(info->utc_by_document);
  CHECK(info->time_format == "epoch_s");
  CHECK(info->path == path);
  REQUIRE(info->options.size() == 4);
  CHECK(info->options[0].name == "hours");
  CHECK(info->options[0].type == Option::Type::choice);
  CHECK(info->options[0].values == std::vector<std::string>{"calendar", "business"});
  CHECK(info->options[0].fallback == "calendar");
  CHECK(info->options[0].help == "which");
  CHECK(info->options[1].type == Option::Type::boolean);
  CHECK(info->options[2].type == Option::Type::number);
  CHECK(info->options[2].fallback == "");
  CHECK(info->options[3].type == Option::Type::text);
  REQUIRE(info->identify.size() == 2);
  CHECK(info->identify[0].framing == Framing::csv);
  CHECK(info->identify[0].score == 90);
  CHECK(info->identify[0].all == std::vector<std::string>{"id", "via"});
  CHECK(info->identify[0].any == std::vector<std::string>{"x"});
  CHECK(info->identify[0].none == std::vector<std::string>{"y"});
  CHECK(info->identify[1].framing == Framing::json);
  CHECK(info->identify[1].all.empty());
}

TEST_CASE("manifest: what may be left out, and what it is then") {
  Json json = good();
  for (const char* key : {"platform", "default_channel", "time_zone", "time_format", "options", "identify"}) json.erase(key);
  const auto info = read_bytes(library(json.dump()));
  REQUIRE(info.ok());
  CHECK(info->platform == "fake");
  CHECK(info->default_channel == "");
  CHECK(info->time_format == "auto");
  CHECK_FALSE(info->zone_required);
  CHECK_FALSE(info->utc_by_document);
  CHECK(info->options.empty());
  CHECK(info->identify.empty());
}

TEST_CASE("manifest: roles and zones by their words") {
  CHECK(read_bytes(library(changed("records", "conversations").dump()))->role == RecordRole::conversation);
  CHECK(read_bytes(library(changed("records", "events").dump()))->role == RecordRole::event);
  CHECK(refusal_of(changed("records", "rows")) ==
        "its manifest cannot be used: records: \"rows\" is none of conversations, updates, events");
  CHECK(read_bytes(library(changed("time_zone", "utc").dump()))->utc_by_document);
  CHECK_FALSE(read_bytes(library(changed("time_zone", "utc").dump()))->zone_required);
  const auto optional = read_bytes(library(changed("time_zone", "optional").dump()));
  CHECK_FALSE(optional->utc_by_document);
  CHECK_FALSE(optional->zone_required);
}

TEST_CASE("manifest: a zone's word that is none is refused, so that a slip does not make a zone optional") {
  CHECK(refusal_of(changed("time_zone", "requird")).starts_with("its manifest cannot be used: "));
}

TEST_CASE("manifest: a file that is no adapter") {
  CHECK(refusal(read_bytes("")) == "the file cannot be read as a library");
  CHECK(refusal(read_manifest("/no/such/file.so")) == "the file cannot be read as a library");
  CHECK(refusal(read_manifest("/dev/zero")) == "the file cannot be read as a library");
  CHECK(refusal(read_bytes("\x7F"
                           "ELF")) == "it has no Crosswalk manifest, so it is not an adapter");
  CHECK(refusal(read_bytes(std::string(CW_MANIFEST_MARK).substr(0, 20))) ==
        "it has no Crosswalk manifest, so it is not an adapter");
  CHECK(refusal(read_bytes(library(good().dump()) + library(good().dump()))) ==
        "it has two manifests; one library is one adapter");
  CHECK(refusal(read_bytes(CW_MANIFEST_MARK + good().dump())) == "its manifest has no end");
  CHECK(refusal(read_bytes(CW_MANIFEST_MARK + std::string(300'000, ' ') + good().dump() + "\0"s)) == "its manifest has no end");
  CHECK(refusal(read_bytes(std::string(CW_MANIFEST_MARK))) == "its manifest has no end");
}

TEST_CASE("manifest: text that is no manifest") {
  for (const std::string& text : {""s, "{"s, "nothing"s, "{\"id\":\"x\"} {}"s, "{\"id\":\"\xFF\"}"s, std::string(100'000, '[')}) {
    CHECK(refusal(read_bytes(library(text))).starts_with("its manifest cannot be used: "));
  }
  for (const std::string& text : {"[]"s, "\"x\""s, "7"s, "null"s, "{}"s}) {
    CHECK(refusal(read_bytes(library(text))).starts_with("its manifest cannot be used: "));
  }
}

TEST_CASE("manifest: what must be there, and of the right kind") {
  for (const char* key : {"id", "version", "abi", "summary", "records"}) {
    CAPTURE(std::string(key));
    const std::string message = refusal_of(without(key));
    CHECK(message.starts_with("its manifest cannot be used: "));
    CHECK(message.find("'" + std::string(key) + "'") != std::string::npos);  // it is named
    CHECK(refusal_of(changed(key, Json::array())).starts_with("its manifest cannot be used: "));
    CHECK(refusal_of(changed(key, nullptr)).starts_with("its manifest cannot be used: "));
  }
  for (const char* key : {"platform", "default_channel", "time_zone"}) {
    CAPTURE(std::string(key));
    CHECK(refusal_of(changed(key, 7)).starts_with("its manifest cannot be used: "));
  }
  CHECK(refusal_of(without("framings")) == "its manifest cannot be used: framings is empty");
  CHECK(refusal_of(changed("framings", Json::array())) == "its manifest cannot be used: framings is empty");
  CHECK(refusal_of(changed("framings", {"xml"})) == "its manifest cannot be used: framing \"xml\" is neither csv nor json");
  CHECK(refusal_of(changed("framings", "csv")).starts_with("its manifest cannot be used: "));
}

TEST_CASE("manifest: ids") {
  for (const std::string& id : {"a"s, "zendesk-csv"s, "7"s, "a-"s, std::string(64, 'x')}) {
    CAPTURE(id);
    CHECK(read_bytes(library(changed("id", id).dump())).ok());
  }
  for (const std::string& id : {""s, "-a"s, "A"s, "a b"s, "a_b"s, "a/b"s, "../x"s, "ä"s, "a\nb"s, std::string(65, 'x')}) {
    CAPTURE(id);
    CHECK(refusal_of(changed("id", id)) == "its manifest cannot be used: the id is made of a-z, 0-9 and -");
  }
}

TEST_CASE("manifest: another ABI is refused with a sentence, whatever else it would say") {
  const std::string sentence = "it was built for adapter ABI 2, this program speaks 1: rebuild it against this plugin.h";
  CHECK(refusal_of(changed("abi", 2)) == sentence);
  CHECK(refusal_of(changed("abi", 0)) ==
        "it was built for adapter ABI 0, this program speaks 1: rebuild it against this plugin.h");
}

TEST_CASE("manifest: one of a later ABI may be made otherwise, and is refused for its ABI all the same") {
  const std::string sentence = "it was built for adapter ABI 2, this program speaks 1: rebuild it against this plugin.h";
  Json later = changed("abi", 2);
  later.erase("records");
  CHECK(refusal_of(later) == sentence);
  later = changed("abi", 2);
  later["framings"] = {"parquet"};
  CHECK(refusal_of(later) == sentence);
}

TEST_CASE("manifest: options and rules of identification are checked one by one") {
  const auto option = [](Json value) { return refusal_of(changed("options", Json::array({std::move(value)}))); };
  const Json fine = Json::parse(R"({"name": "n", "type": "text", "help": "h"})");
  CHECK(option(fine) == "no error");
  for (const char* key : {"name", "type", "help"}) {
    Json json = fine;
    json.erase(key);
    CHECK(option(json).starts_with("its manifest cannot be used: "));
  }
  Json json = fine;
  json["type"] = "list";
  CHECK(option(json) == "its manifest cannot be used: option n: type \"list\" is none of text, boolean, number, choice");
  json = fine;
  json["default"] = 5;  // a text, like every value of a setting
  CHECK(option(json).starts_with("its manifest cannot be used: "));
  CHECK(option("n").starts_with("its manifest cannot be used: "));

  const auto rule = [](Json value) { return refusal_of(changed("identify", Json::array({std::move(value)}))); };
  CHECK(rule(Json::parse(R"({"framing": "csv", "score": 100})")) == "no error");
  CHECK(rule(Json::parse(R"({"framing": "csv", "score": 0})")) == "its manifest cannot be used: a score is between 1 and 100");
  CHECK(rule(Json::parse(R"({"framing": "csv", "score": 101})")) == "its manifest cannot be used: a score is between 1 and 100");
  CHECK(rule(Json::parse(R"({"framing": "xml", "score": 5})")) ==
        "its manifest cannot be used: framing \"xml\" is neither csv nor json");
  CHECK(rule(Json::parse(R"({"score": 5})")).starts_with("its manifest cannot be used: "));
  CHECK(rule(Json::parse(R"({"framing": "csv"})")).starts_with("its manifest cannot be used: "));
  CHECK(rule(Json::parse(R"({"framing": "csv", "score": 5, "all": "id"})")).starts_with("its manifest cannot be used: "));
  CHECK(rule(Json::parse(R"({"framing": "csv", "score": 5, "all": [1]})")).starts_with("its manifest cannot be used: "));
}

TEST_CASE("paths: only what nobody else can replace") {
  const Folder folder;
  const std::string path = folder.file("in/fake.so", "x");
  const auto refused = [](const std::string& where) {
    const auto checked = checked_path(where);
    return checked ? "no error" : checked.error().text();
  };
  const std::string cure = "\n  take the rights of others away (chmod go-w), or pass --allow-unsafe-adapter";
  REQUIRE(checked_path(path).ok());
  CHECK(*checked_path(path) == path);
  CHECK(*checked_path(folder / "in/../in/./fake.so") == path);

  CHECK(refused(folder / "none.so") == (folder / "none.so") + ": No such file or directory");
  CHECK(refused(folder / "in") == "it is not a regular file");

  REQUIRE(::chmod(path.c_str(), 0646) == 0);
  CHECK(refused(path) == path + " is writable by everybody, so anyone could replace it" + cure);
  REQUIRE(::chmod(path.c_str(), 0644) == 0);
  REQUIRE(::chmod((folder / "in").c_str(), 0757) == 0);
  CHECK(refused(path) == (folder / "in") + " is writable by everybody, so anyone could replace it" + cure);
  REQUIRE(::chmod((folder / "in").c_str(), 01777) == 0);  // a sticky folder is safe above, not beside, a library
  CHECK(refused(path) == (folder / "in") + " is writable by everybody, so anyone could replace it" + cure);
  REQUIRE(::chmod((folder / "in").c_str(), 0755) == 0);
  REQUIRE(::chmod(folder.path().c_str(), 0777) == 0);
  CHECK(refused(path) == folder.path() + " is writable by everybody, so anyone could replace it" + cure);
  REQUIRE(::chmod(folder.path().c_str(), 01777) == 0);
  CHECK(refused(path) == "no error");
  REQUIRE(::chmod(folder.path().c_str(), 0700) == 0);
}

TEST_CASE("paths: what a link leads to is what is checked") {
  const Folder folder;
  const std::string path = folder.file("real/fake.so", "x");
  fs::create_symlink(path, folder / "link.so");
  REQUIRE(checked_path(folder / "link.so").ok());
  CHECK(*checked_path(folder / "link.so") == path);
  REQUIRE(::chmod((folder / "real").c_str(), 0777) == 0);
  CHECK_FALSE(checked_path(folder / "link.so").ok());
  fs::create_symlink(folder / "gone", folder / "dangling.so");
  CHECK_FALSE(checked_path(folder / "dangling.so").ok());
}

TEST_CASE("paths: a file of another user, and one that another group may write to") {
  if (::geteuid() != 0) return;  // only root can give files away
  const Folder folder;
  const std::string path = folder.file("fake.so", "x");
  REQUIRE(::chown(path.c_str(), 65534, 0) == 0);
  auto checked = checked_path(path);
  REQUIRE_FALSE(checked.ok());
  CHECK(checked.error().message == path + " belongs to another user, who could replace it");
  REQUIRE(::chown(path.c_str(), 0, 65534) == 0);
  REQUIRE(::chmod(path.c_str(), 0664) == 0);
  checked = checked_path(path);
  REQUIRE_FALSE(checked.ok());
  CHECK(checked.error().message == path + " is writable by its group, so others could replace it");
}

TEST_CASE("folders: beside the program, where it is installed, the environment's, then those given") {
  const char* const was = std::getenv("CROSSWALK_ADAPTER_PATH");
  const std::string kept = was == nullptr ? "" : was;
  ::unsetenv("CROSSWALK_ADAPTER_PATH");
  auto folders = adapter_folders("/opt/x/bin/crosswalk", {"/mine", "rel"});
  REQUIRE(folders.size() == 4);
  CHECK(folders[0] == "/opt/x/bin/adapters");
  CHECK(folders[1].starts_with("/opt/x/"));
  CHECK(folders[1].ends_with("/crosswalk/adapters"));
  CHECK(folders[2] == "/mine");
  CHECK(folders[3] == "rel");
  ::setenv("CROSSWALK_ADAPTER_PATH", ":/one::rel:./x:/two:", 1);
  folders = adapter_folders("/opt/x/bin/crosswalk", {"/mine"});
  CHECK(std::vector<std::string>(folders.begin() + 2, folders.end()) == std::vector<std::string>{"/one", "/two", "/mine"});
  ::setenv("CROSSWALK_ADAPTER_PATH", "", 1);
  CHECK(adapter_folders("/opt/x/bin/crosswalk", {}).size() == 2);
  if (was == nullptr) {
    ::unsetenv("CROSSWALK_ADAPTER_PATH");
  } else {
    ::setenv("CROSSWALK_ADAPTER_PATH", kept.c_str(), 1);
  }
}

TEST_CASE("catalog: libraries of the folders and of the folders in them, by id") {
  const Folder folder;
  folder.file("b/zeta.so", named("zeta"));
  folder.file("alpha.so", named("alpha"));
  folder.file("b/deeper/no.so", named("too-deep"));
  folder.file("alpha.txt", named("not-a-library"));
  folder.file("c/mid.so", named("mid"));
  const PluginCatalog catalog({{folder.path(), folder / "no-such-folder"}, false});
  CHECK(ids(catalog) == std::vector<std::string>{"alpha", "mid", "zeta"});
  CHECK(catalog.refused().empty());
}

TEST_CASE("catalog: of two with one id the first counts; the same file by two ways is one") {
  const Folder folder;
  const std::string first = folder.file("one/x.so", named("same"));
  const std::string second = folder.file("two/x.so", named("same"));
  const PluginCatalog catalog({{folder / "one", folder / "two", folder / "one", folder.path()}, false});
  CHECK(ids(catalog) == std::vector<std::string>{"same"});
  CHECK(catalog.adapters().front()->path == first);
  REQUIRE(catalog.refused().size() >= 1);
  CHECK(catalog.refused().front().path == second);
  CHECK(catalog.refused().front().reason == "its id \"same\" is taken by " + first);
  const PluginCatalog other({{folder / "two", folder / "one"}, false});
  CHECK(other.adapters().front()->path == second);
}

TEST_CASE("catalog: what is refused, and why") {
  const Folder folder;
  const std::string broken = folder.file("a.so",
                                         "\x7F"
                                         "ELF");
  const std::string open = folder.file("b.so", named("open"));
  REQUIRE(::chmod(open.c_str(), 0666) == 0);
  fs::create_directory(folder / "c.so");
  const PluginCatalog catalog({{folder.path()}, false});
  CHECK(catalog.adapters().empty());
  REQUIRE(catalog.refused().size() == 3);
  CHECK(catalog.refused()[0].path == broken);
  CHECK(catalog.refused()[0].reason == "it has no Crosswalk manifest, so it is not an adapter");
  CHECK(catalog.refused()[1].path == open);
  CHECK(catalog.refused()[1].reason ==
        open +
            " is writable by everybody, so anyone could replace it; take the rights of others away "
            "(chmod go-w), or pass --allow-unsafe-adapter");
  CHECK(catalog.refused()[2].reason.starts_with("it is not a regular file"));
  CHECK(ids(PluginCatalog({{folder.path()}, true})) == std::vector<std::string>{"open"});
}

TEST_CASE("catalog: a link that leads to itself is refused like anything else that is no library") {
  const Folder folder;
  fs::create_symlink(folder / "b.so", folder / "a.so");
  fs::create_symlink(folder / "a.so", folder / "b.so");
  folder.file("c.so", named("good"));
  for (const bool allow_unsafe : {false, true}) {
    std::vector<std::string> found;
    CHECK_NOTHROW(found = ids(PluginCatalog({{folder.path()}, allow_unsafe})));
    CHECK(found == std::vector<std::string>{"good"});
  }
}

TEST_CASE("catalog: an adapter that is not there, with the nearest one, what there is, and why it may be missing") {
  const Folder folder;
  folder.file("asapp.so", named("asapp"));
  folder.file("zendesk.so", named("zendesk"));
  PluginCatalog catalog({{folder.path()}, false});
  const auto error = [&](PluginCatalog& from, std::string_view id) {
    const auto loaded = from.load(id);
    if (loaded) return "no error"s;
    CHECK(loaded.error().code == Errc::usage);
    return loaded.error().text();
  };
  CHECK(error(catalog, "zendsk") == "there is no adapter \"zendsk\"\n  did you mean \"zendesk\"?");
  CHECK(error(catalog, "other") == "there is no adapter \"other\"\n  there are: asapp, zendesk");
  const Folder empty;
  PluginCatalog none({{empty.path(), "/no/such"}, false});
  CHECK(error(none, "x") == "there is no adapter \"x\"\n  no adapter was found in " + empty.path() + ", /no/such");
  const std::string bad = empty.file("mine.so", "x");
  PluginCatalog one_refused({{empty.path()}, false});
  CHECK(error(one_refused, "mine") == "there is no adapter \"mine\"\n  no adapter was found in " + empty.path() + "\n  " + bad +
                                          " was refused: it has no Crosswalk manifest, so it is not an adapter");
}

TEST_CASE("catalog: a manifest in a file that is no library can be read, not loaded") {
  const Folder folder;
  const std::string path = folder.file("fake.so", library(good().dump()));
  PluginCatalog catalog({{folder.path()}, false});
  CHECK(ids(catalog) == std::vector<std::string>{"fake"});
  const auto loaded = catalog.load("fake");
  REQUIRE_FALSE(loaded.ok());
  CHECK(loaded.error().code == Errc::adapter);
  CHECK(loaded.error().message.starts_with(path + ": the library cannot be loaded: "));
}
