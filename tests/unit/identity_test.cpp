#include "merge/identity.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <vector>

using namespace crosswalk;
using namespace std::string_literals;
namespace fs = std::filesystem;

namespace {

/// A table file with these bytes, gone at the end of the test.
class TableFile {
 public:
  explicit TableFile(const std::string& bytes) {
    static int count = 0;
    path_ =
        (fs::temp_directory_path() / ("crosswalk-ids-" + std::to_string(::getpid()) + "-" + std::to_string(++count))).string();
    std::ofstream(path_, std::ios::binary) << bytes;
  }
  ~TableFile() { fs::remove(path_); }
  TableFile(const TableFile&) = delete;
  TableFile& operator=(const TableFile&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::shared_ptr<const IdTable> loaded(const std::string& bytes) {
  const TableFile file(bytes);
  auto table = IdTable::load(file.path());
  REQUIRE_MESSAGE(table.ok(), table.error().text());
  return *table;
}

/// Why a table was refused, with T for its path.
std::string refused(const std::string& bytes) {
  const TableFile file(bytes);
  const auto table = IdTable::load(file.path());
  if (table) return "no error";
  CHECK(table.error().code == Errc::data);
  std::string text = table.error().text();
  for (std::size_t at = text.find(file.path()); at != std::string::npos; at = text.find(file.path())) {
    text.replace(at, file.path().size(), "T");
  }
  return text;
}

std::string target(const IdTable& table, std::string_view platform, std::string_view id) {
  const auto row = table.find(platform, id);
  return row ? std::string(row->target) : "(none)";
}

std::string listed(const std::vector<IdCoverage::Unknown>& all) {
  std::string text;
  for (const auto& one : all) {
    text += std::string(one.platform) + "/" + std::string(one.id) + "=" + std::to_string(one.count) + " ";
  }
  return text;
}

}  // namespace

TEST_CASE("id table: a pair of platform and source id has a target") {
  const auto table = loaded("platform,source_id,target_id\nzendesk,17,agt_1\nzendesk,18,agt_2\ngenesys,17,agt_3\n");
  CHECK(table->size() == 3);
  CHECK(table->repeated() == 0);
  CHECK(target(*table, "zendesk", "17") == "agt_1");
  CHECK(target(*table, "zendesk", "18") == "agt_2");
  CHECK(target(*table, "genesys", "17") == "agt_3");
  CHECK(target(*table, "genesys", "18") == "(none)");
  CHECK(target(*table, "17", "zendesk") == "(none)");
  CHECK(target(*table, "Zendesk", "17") == "(none)");
  CHECK(target(*table, "", "") == "(none)");
}

TEST_CASE("id table: how the file is written does not matter") {
  for (const std::string& bytes :
       {"\xEF\xBB\xBFplatform,source_id,target_id\nzendesk,17,agt_1\n"s, "platform,source_id,target_id\r\nzendesk,17,agt_1\r\n"s,
        "\xEF\xBB\xBFplatform,source_id,target_id\r\n\r\nzendesk,17,agt_1"s,
        "Target_ID, SOURCE_ID ,Platform\nagt_1,17,zendesk\n"s,
        "\"platform\",\"source_id\",\"target_id\"\n\"zendesk\",\"17\",\"agt_1\"\n"s,
        "team,platform,source_id,name,target_id\nA,zendesk,17,\"Doe, J\",agt_1\n"s,
        "platform;source_id;target_id\nzendesk;17;agt_1\n"s, "platform\tsource_id\ttarget_id\nzendesk\t17\tagt_1\n"s,
        "platform,source_id,target_id\n zendesk , 17 , agt_1 \n"s,
        "platform,source_id,target_id\nzendesk,17,agt_1\nplatform,source_id,target_id\nzendesk,18,agt_2\n"s}) {
    CAPTURE(bytes);
    CHECK(target(*loaded(bytes), "zendesk", "17") == "agt_1");
  }
}

TEST_CASE("id table: blanks around what is looked up do not count") {
  CHECK(target(*loaded("platform,source_id,target_id\nzendesk,17,agt_1\n"), " zendesk", "17\t") == "agt_1");
}

TEST_CASE("id table: ids are text, with quotes, line breaks and any script") {
  const auto table =
      loaded("platform,source_id,target_id\nz,\"O'Hara, \"\"Zoë\"\"\",agt_1\nz,\"two\nlines\",agt_2\nz,007,agt_3\nz,7,agt_4\n");
  CHECK(target(*table, "z", "O'Hara, \"Zoë\"") == "agt_1");
  CHECK(target(*table, "z", "two\nlines") == "agt_2");
  CHECK(target(*table, "z", "007") == "agt_3");
  CHECK(target(*table, "z", "7") == "agt_4");
}

TEST_CASE("id table: a row of one instance stands before a row of all") {
  const auto table = loaded("platform,instance,source_id,target_id\nz,,17,any\nz,eu,17,eu-17\nz, us ,18,us-18\n");
  const auto find = [&](std::string_view platform, std::string_view id, std::string_view instance) {
    const auto row = table->find(platform, id, instance);
    return row ? std::string(row->target) : "(none)"s;
  };
  CHECK(table->size() == 3);
  CHECK(find("z", "17", "") == "any");
  CHECK(find("z", "17", "us") == "any");
  CHECK(find("z", "17", "eu") == "eu-17");
  CHECK(find("z", "18", "us") == "us-18");
  CHECK(find("z", "18", "eu") == "(none)");
  CHECK(find("z", "18", "") == "(none)");
  CHECK(find("eu", "17", "z") == "(none)");
  CHECK(table->has_rows_of("z", "apac"));  // by the row of all
  const auto some = loaded("instance,platform,source_id,target_id\neu,z,1,a\n,y,1,a\neu,z,2,b\n");
  CHECK(some->has_rows_of("z", "eu"));
  CHECK_FALSE(some->has_rows_of("z", "us"));
  CHECK_FALSE(some->has_rows_of("z", ""));
  CHECK(some->has_rows_of("y", ""));
  CHECK_FALSE(some->has_rows_of("x", ""));
  CHECK(some->scopes().size() == 2);
  CHECK(refused("platform,instance,source_id,target_id\nz,eu,17,a\nz,us,17,b\nz,eu,17,c\n") ==
        "T:4: z eu \"17\" becomes \"c\" here and \"a\" in line 2\n  keep one of the two rows");
  CHECK(refused("platform,instance,source_id,target_id,Instance\n") ==
        "T:1: there are two columns instance\n  take one of them out");
}

TEST_CASE("id table: only a header knows nobody") {
  const auto table = loaded("platform,source_id,target_id\n");
  CHECK(table->size() == 0);
  CHECK(target(*table, "zendesk", "17") == "(none)");
}

TEST_CASE("id table: saying the same again is no contradiction") {
  const auto table = loaded("platform,source_id,target_id\nz,1,a\nz,2,a\nz,1,a\nz,1, a\n");
  CHECK(table->size() == 2);
  CHECK(table->repeated() == 2);
}

TEST_CASE("id table: two targets of one id, with both lines") {
  CHECK(refused("platform,source_id,target_id\nz,1,a\nz,2,b\n\nz,1,c\n") ==
        "T:5: z \"1\" becomes \"c\" here and \"a\" in line 2\n  keep one of the two rows");
  CHECK(refused("\xEF\xBB\xBFplatform,source_id,target_id\r\nz,\"1\r\n1\",a\r\nz,2,b\r\nz,2,c\r\n") ==
        "T:5: z \"2\" becomes \"c\" here and \"b\" in line 4\n  keep one of the two rows");
}

TEST_CASE("id table: a message is one line whatever the ids are") {
  CHECK(refused("platform,source_id,target_id\nz,\"1\n2\",a\nz,\"1\n2\",b\n") ==
        "T:4: z \"1\\n2\" becomes \"b\" here and \"a\" in line 2\n  keep one of the two rows");
}

TEST_CASE("id table: both lines are right across blocks") {
  std::string bytes = "platform,source_id,target_id\n";
  for (int i = 0; i < 100'000; ++i) bytes += "zendesk," + std::to_string(i) + ",agent-" + std::to_string(i) + "\n";
  const auto table = loaded(bytes);
  CHECK(table->size() == 100'000);
  for (const int i : {0, 1, 4711, 99'999}) CHECK(target(*table, "zendesk", std::to_string(i)) == "agent-" + std::to_string(i));
  CHECK(target(*table, "zendesk", "100000") == "(none)");
  CHECK(refused(bytes + "zendesk,60000,other\n") ==
        "T:100002: zendesk \"60000\" becomes \"other\" here and \"agent-60000\" in line 60002\n  keep one of the two rows");
}

TEST_CASE("id table: no table at all") {
  const std::string cure = "\n  give it the header platform,source_id,target_id";
  CHECK(refused("") == "T: the table is empty" + cure);
  CHECK(refused("\n\n") == "T: the table is empty" + cure);
  CHECK(refused("\xEF\xBB\xBF") == "T: the table is empty" + cure);
  const auto missing = IdTable::load("/nowhere/agents.csv");
  REQUIRE_FALSE(missing.ok());
  CHECK(missing.error().code == Errc::io);
  CHECK(missing.error().text() == "there is no file /nowhere/agents.csv\n  Check the spelling of the path.");
}

TEST_CASE("id table: a header that is not ours") {
  CHECK(refused("zendesk,17,agt_1\n") == "T:1: there is no column platform\n  give it the header platform,source_id,target_id");
  CHECK(
      refused("\nplatform,sourceid,target_id\nz,1,a\n") ==
      "T:2: there is no column source_id\n  is it the one called \"sourceid\"? give it the header platform,source_id,target_id");
  CHECK(refused("platform,source_id,name\nz,1,a\n") ==
        "T:1: there is no column target_id\n  give it the header platform,source_id,target_id");
  CHECK(refused("platform,source_id,target_id,Source_ID\nz,1,a,2\n") ==
        "T:1: there are two columns source_id\n  take one of them out");
}

TEST_CASE("id table: an id that is not there") {
  const std::string cure = "\n  complete the row, or leave it out: an id that is in no row is unknown";
  CHECK(refused("platform,source_id,target_id\nz,1,a\nz,,b\n") == "T:3: source_id is empty" + cure);
  CHECK(refused("platform,source_id,target_id\nz,1,\n") == "T:2: target_id is empty" + cure);
  CHECK(refused("platform,source_id,target_id\nz,1,\" \"\n") == "T:2: target_id is empty" + cure);
  CHECK(refused("platform,source_id,target_id\n,1,a\n") == "T:2: platform is empty" + cure);
}

TEST_CASE("id table: a row that is no row") {
  CHECK(refused("platform,source_id,target_id\nz,1,a\nz,2\nz,1,b\n") ==
        "T:3: the row has 2 fields, the header (line 1) has 3\n"
        "  put quotes around a field that contains the delimiter (comma) or a line break, or complete the row");
  CHECK(
      refused("platform,source_id,target_id\nz,1,a\nz,2,\xFF\n") ==
      "T:3: byte 0xFF at offset 39 of the input, in column 3, is not valid UTF-8\n"
      "  export the file again as UTF-8, or convert it from the encoding that the program which wrote it used; its bytes do not "
      "prove which one that is");
  CHECK(refused("platform,source_id,target_id\nz,1,\"a\nz,2,b\n") ==
        "T:2: the quote opened in line 2, column 3 (target_id), is not closed before the end of the input\n"
        "  close the quote; double a quote that is part of the text");
}

TEST_CASE("id table: of two mistakes the first in the file is told") {
  CHECK(refused("platform,source_id,target_id\nz,1,a\nz,1,b\nz,2\n").starts_with("T:3: z \"1\" becomes"));
  CHECK(refused("platform,source_id,target_id\nz,1,a\nz,2\nz,1,b\n").starts_with("T:3: the row has 2 fields"));
}

TEST_CASE("id table: many threads look up") {
  std::string bytes = "platform,source_id,target_id\n";
  for (int i = 0; i < 5'000; ++i) bytes += "z," + std::to_string(i) + ",t" + std::to_string(i) + "\n";
  const auto table = loaded(bytes);
  std::vector<int> wrong(4);
  {
    std::vector<std::jthread> threads;
    for (int& count : wrong) {
      threads.emplace_back([&] {
        for (int i = 0; i < 10'000; ++i) {
          const std::string id = std::to_string(i);
          const auto found = table->find("z", id);
          if (found.has_value() != (i < 5'000) || (found && found->target != "t" + id)) ++count;
        }
      });
    }
  }
  CHECK(wrong == std::vector<int>(4));
}

TEST_CASE("id index: what was added is found under its number, whatever it grows to") {
  IdIndex index;
  CHECK(index.find("z", "1") == IdIndex::kNone);
  std::map<std::string, std::size_t> numbers;
  for (int i = 0; i < 20'000; ++i) {
    const std::string id = std::to_string(i * 7919 % 10'007);
    const std::size_t number = index.add(i % 2 == 0 ? "even" : "odd", id);
    const auto [known, added] = numbers.emplace((i % 2 == 0 ? "even/" : "odd/") + id, number);
    REQUIRE(known->second == number);
    if (added) REQUIRE(number + 1 == index.size());
  }
  CHECK(index.size() == numbers.size());
  for (std::size_t i = 0; i < index.size(); ++i) REQUIRE(index.find(index[i].platform, index[i].id) == i);
}

TEST_CASE("id index: platform and id do not run together") {
  IdIndex index;
  CHECK(index.add("ab", "c") == 0);
  CHECK(index.add("a", "bc") == 1);
  CHECK(index.add("c", "ab") == 2);
  CHECK(index.add("same", "same") == 3);
  CHECK(index.add("other", "other") == 4);
  CHECK(index.add("", "") == 5);
  CHECK(index.find("a", "bc") == 1);
  CHECK(index.find("", "") == 5);
}

TEST_CASE("id coverage: nothing yet") {
  const IdCoverage coverage;
  CHECK(coverage.known() == 0);
  CHECK(coverage.unknown() == 0);
  CHECK(coverage.distinct() == 0);
  CHECK(coverage.complete());
  CHECK(coverage.top(3).empty());
}

TEST_CASE("id coverage: known and unknown, and the most frequent unknown") {
  IdCoverage coverage;
  coverage.add_known();
  coverage.add_known(4);
  coverage.add_unknown("z", "b");
  coverage.add_unknown("z", "a", 2);
  coverage.add_unknown("g", "b", 3);
  coverage.add_unknown("z", "b");
  coverage.add_unknown("g", "c", 2);
  CHECK(coverage.known() == 5);
  CHECK(coverage.unknown() == 9);
  CHECK(coverage.distinct() == 4);
  CHECK(coverage.complete());
  CHECK(listed(coverage.top(10)) == "g/b=3 g/c=2 z/a=2 z/b=2 ");
  CHECK(listed(coverage.top(2)) == "g/b=3 g/c=2 ");
  CHECK(coverage.top(0).empty());
}

TEST_CASE("id coverage: beyond its bound it counts on what it has, and says so") {
  IdCoverage coverage;
  for (std::size_t i = 0; i < IdCoverage::kMostListed; ++i) coverage.add_unknown("z", std::to_string(i));
  CHECK(coverage.complete());
  coverage.add_unknown("z", "5", 3);
  CHECK(coverage.complete());
  coverage.add_unknown("z", "one more", 7);
  coverage.add_unknown("z", "6");
  CHECK_FALSE(coverage.complete());
  CHECK(coverage.distinct() == IdCoverage::kMostListed);
  CHECK(coverage.unknown() == IdCoverage::kMostListed + 11);
  CHECK(listed(coverage.top(3)) == "z/5=4 z/6=2 z/0=1 ");
}

TEST_CASE("id coverage: long ids are bounded too") {
  IdCoverage coverage;
  const std::string longest(IdCoverage::kMostText - 1, 'x');
  coverage.add_unknown("z", longest);
  CHECK(coverage.complete());
  coverage.add_unknown("z", "y");
  coverage.add_unknown("z", longest);
  CHECK_FALSE(coverage.complete());
  CHECK(coverage.distinct() == 1);
  CHECK(coverage.top(1).front().count == 2);
}
