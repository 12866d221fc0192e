#include "framing/looks_like.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace crosswalk {
namespace {

using namespace std::string_view_literals;
using Kind = LooksLike::Kind;

Kind kind(std::string_view head) { return looks_like(head).kind; }

TEST_CASE("looks_like: texts with brackets") {
  CHECK(kind(R"({"data":[]})") == Kind::json);
  CHECK(kind("\xEF\xBB\xBF\n [ {") == Kind::json);
  CHECK(kind("[1,2]") == Kind::json);
  CHECK(kind("{}") == Kind::json);
  CHECK(kind("[") == Kind::json);
  CHECK(kind("[Id],[Subject]\n1,2") == Kind::unknown);
  CHECK(kind("{Id},{Subject}") == Kind::unknown);
}

TEST_CASE("looks_like: markup") {
  CHECK(kind("<!DOCTYPE html><html>") == Kind::html);
  CHECK(kind("\n<HTML lang=en>") == Kind::html);
  CHECK(kind("<table border=1><tr>") == Kind::html);
  CHECK(kind("<?xml version=\"1.0\"?><html xmlns=\"x\">") == Kind::html);
  CHECK(kind("<?xml version=\"1.0\"?><tickets>") == Kind::xml);
  CHECK(kind("<tickets><ticket/></tickets>") == Kind::xml);
  CHECK(kind("<tables><a/></tables>") == Kind::xml);
  CHECK(kind("<?xml version=\"1.0\"?>\n<Workbook xmlns=\"urn:schemas-microsoft-com:office:spreadsheet\">") == Kind::spreadsheet);
  CHECK(kind("<3 years,name") == Kind::unknown);
}

TEST_CASE("looks_like: files that are no text") {
  CHECK(looks_like("%PDF-1.7").what == "a PDF");
  CHECK(kind("PK\x03\x04\x14\x00\x00\x00tickets.csv"sv) == Kind::archive);
  CHECK(kind("PK\x05\x06\x00"sv) == Kind::archive);
  CHECK(kind("PK\x03\x04\x14\x00[Content_Types].xml"sv) == Kind::spreadsheet);
  CHECK(kind("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1\x00"sv) == Kind::spreadsheet);
  CHECK(kind("\x1F\x8B\x08"sv) == Kind::compressed);
  CHECK(kind("SQLite format 3\0\x10"sv) == Kind::other);
  CHECK(kind(std::string(257, 'x') + "ustar") == Kind::archive);
  CHECK(looks_like("PK\x03\x04\x14\x00\x00\x00tickets.csv"sv).cure ==
        "zip archives are read from files, by their members' names: give FILE.zip; unpack one that stands inside of another");
  CHECK(looks_like("Rar!\x1A\x07\x01"sv).cure == "unpack it and give the files inside; of archives, only zip is read as it is");
}

TEST_CASE("looks_like: what nothing marks") {
  CHECK(kind("Id,Subject\n1,a\n") == Kind::unknown);
  CHECK(kind("") == Kind::unknown);
  CHECK(kind("\n\n") == Kind::unknown);
  CHECK(kind("PK,Name\n1,a\n") == Kind::unknown);
  CHECK_FALSE(looks_like("hello"));
}

}  // namespace
}  // namespace crosswalk
