// CSV framing. Each rule stated in core/framing/csv.cpp has its case here; Python's csv module judges the rest
// (tests/framing/csv_judge.py).
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "../framing/csv_testing.hpp"
#include "framing/csv_framer.hpp"
#include "framing/csv_inside.hpp"
#include "framing/csv_kernels.hpp"
#include "framing/utf8.hpp"

using namespace crosswalk;
using namespace std::string_literals;
using crosswalk::testing::ChunkSource;
using crosswalk::testing::CsvEvent;
using crosswalk::testing::CsvRun;
using crosswalk::testing::CsvSetup;
using crosswalk::testing::run_csv;

namespace {

using Row = std::vector<std::string>;
using Rows = std::vector<Row>;

/// Block and chunk sizes that must never change a result.
constexpr std::array<std::size_t, 9> kSizes{1, 2, 3, 7, 64, 4095, 4096, 4097, 1 << 20};

CsvSetup with_limit(std::size_t max_record) {
  CsvSetup setup;
  setup.options.limits.max_record = max_record;
  return setup;
}

/// Everything a user sees of a fault, on one line each.
std::string shown(const CsvEvent& fault) {
  return fault.code + " | line " + std::to_string(fault.line) + " | " + fault.found + " | " + fault.message + " | " + fault.cure;
}

/// The only fault of a run.
CsvEvent the_fault(const CsvRun& run) {
  const auto faults = run.faults();
  REQUIRE(faults.size() == 1);
  return faults[0];
}

/// Random bytes that are mostly trouble.
std::string dirt(std::mt19937& random, std::size_t size) {
  static const std::array<std::string, 12> kPieces{"\"", "\"", "\"\"", ",", ",", "\n", "\r", "\r\n", "x", "yz ", "\",\"", "é"};
  std::string text;
  while (text.size() < size) text += kPieces[random() % kPieces.size()];
  return text;
}

}  // namespace

TEST_CASE("csv: rows, quotes and line ends") {
  CHECK(run_csv("a,b\n1,2\n").rows() == Rows{{"1", "2"}});
  CHECK(run_csv("a,b\n1,2").rows() == Rows{{"1", "2"}});
  CHECK(run_csv("a,b\r\n1,2\r\n3,4\r\n").rows() == Rows{{"1", "2"}, {"3", "4"}});
  CHECK(run_csv("a,b\r1,2\r3,4").rows() == Rows{{"1", "2"}, {"3", "4"}});
  CHECK(run_csv("a,b\r1,2\n3,4\r\n5,6").rows() == Rows{{"1", "2"}, {"3", "4"}, {"5", "6"}});
  CHECK(run_csv("a,b\n1,\n,2").rows() == Rows{{"1", ""}, {"", "2"}});
  CHECK(run_csv("a,b\n\"1,1\",\"2\n\r2\"\n").rows() == Rows{{"1,1", "2\n\r2"}});
  CHECK(run_csv("a,b\n\"say \"\"hi\"\"\",\"\"\"\"\n").rows() == Rows{{"say \"hi\"", "\""}});
  CHECK(run_csv("a,b\n\"\",x\n").rows() == Rows{{"", "x"}});
  CHECK(run_csv("a,b\n 1 ,\t2\n").rows() == Rows{{" 1 ", "\t2"}});
}

TEST_CASE("csv: blank lines are no records") {
  CHECK(run_csv("\n\r\n\na,b\n\n\n1,2\r\n\r\n\r3,4\n\n").rows() == Rows{{"1", "2"}, {"3", "4"}});
  CHECK(run_csv("a\n\n\"\"\n").rows() == Rows{{""}});  // but an empty field in quotes is one
  CHECK(run_csv("a\n\n\"\"\n").events[0].line == 3);
}

TEST_CASE("csv: quotes out of place are read as Python's csv module reads them") {
  CHECK(run_csv("a,b\n5\" pipe,x\n").rows() == Rows{{"5\" pipe", "x"}});
  CHECK(run_csv("a,b\nx \"y\" z,\"q\"\n").rows() == Rows{{"x \"y\" z", "q"}});
  CHECK(run_csv("a,b\n\"x\" y,z\n").rows() == Rows{{"x y", "z"}});
  CHECK(run_csv("a,b\n\"x\" \"y\",z\n").rows() == Rows{{"x \"y\"", "z"}});
  CHECK(run_csv("a,b\n\"x\"\"\"y,z\n").rows() == Rows{{"x\"y", "z"}});
  CHECK(run_csv("a,b\n \"x\",z\n").rows() == Rows{{" \"x\"", "z"}});
  CHECK(run_csv("a,b\n\"x\\\",z\n").rows() == Rows{{"x\\", "z"}});  // a backslash is no escape
}

TEST_CASE("csv: a quote out of place does not disturb the rows after it") {
  std::string text = "a,b\n";
  Rows rows;
  for (int i = 0; i < 300; ++i) {
    const std::string number = std::to_string(i);
    text += i % 3 == 0 ? "5\" pipe," + number + "\n" : "\"x,\n" + number + "\"," + number + "\r\n";
    rows.push_back({i % 3 == 0 ? "5\" pipe" : "x,\n" + number, number});
  }
  const CsvRun run = run_csv(text);
  CHECK(run.rows() == rows);
  CHECK(run.faults().empty());
}

TEST_CASE("csv: NUL bytes are data") { CHECK(run_csv("a,b\nx\0y,\0\n"s).rows() == Rows{{"x\0y"s, "\0"s}}); }

TEST_CASE("csv: places are exact") {
  const CsvRun run = run_csv("a,b\r\n\r\n1,2\r\n\"x\r\ny\",3\n4,5");
  REQUIRE(run.events.size() == 4);  // the third says that the last row has no line end
  CHECK(run.events[0].offset == 7);
  CHECK(run.events[0].line == 3);
  CHECK(run.events[0].text == "1,2");
  CHECK(run.events[1].offset == 12);
  CHECK(run.events[1].line == 4);
  CHECK(run.events[1].text == "\"x\r\ny\",3");
  CHECK(run.events[2].code == "last_unended");
  CHECK(run.events[3].offset == 21);
  CHECK(run.events[3].line == 6);
}

TEST_CASE("csv: a row with another number of fields than the header is refused, never shifted") {
  const CsvRun run = run_csv("a,b,c\n1,2\n1,2,3\n1,2,3,4\nx\n");
  CHECK(run.rows() == Rows{{"1", "2", "3"}});
  const auto faults = run.faults();
  REQUIRE(faults.size() == 3);
  CHECK(shown(faults[0]) ==
        "ragged_row | line 2 | 2 fields | the row has 2 fields, the header (line 1) has 3 | "
        "put quotes around a field that contains the delimiter (comma) or a line break, or complete the row; "
        "where rows lack their empty last fields, --set short_rows=accept");
  CHECK(faults[2].cure == faults[1].cure);  // but not where there are too many, or one
  CHECK(faults[1].cure == "put quotes around a field that contains the delimiter (comma) or a line break, or complete the row");
  CHECK(faults[0].text == "1,2");
  CHECK(faults[0].offset == 6);
  CHECK(faults[0].size == 3);
  CHECK(faults[1].message == "the row has 4 fields, the header (line 1) has 3");
  CHECK(faults[2].message == "the row has 1 field, the header (line 1) has 3");
}

TEST_CASE("csv: a row over several lines whose quotes are in order is ragged as a whole") {
  const CsvRun run = run_csv("a,b\n\"1\n2\"\n3,4\n");
  CHECK(run.rows() == Rows{{"3", "4"}});
  CHECK(the_fault(run).code == "ragged_row");
  CHECK(the_fault(run).text == "\"1\n2\"");
}

TEST_CASE("csv: a quote that swallows rows costs one line, whatever the number of fields") {
  const std::string rows = "id,subject,name\n1,\"27 inch,Ann\n2,x,Ann\n3,x,Ann\"\n4,x,Ann\n";
  for (const std::size_t target : kSizes) {
    for (const bool short_rows : {false, true}) {
      CsvSetup setup;
      setup.target = target;
      setup.options.short_rows = short_rows;
      const CsvRun run = run_csv(rows, setup);
      CHECK(run.rows() == Rows{{"2", "x", "Ann"}, {"3", "x", "Ann\""}, {"4", "x", "Ann"}});
      CHECK(
          shown(the_fault(run)) ==
          "stray_quote | line 2 | 2 fields over several lines | the quote opened in line 2, column 2 (subject), runs on into "
          "lines that are rows by themselves; with them the row would have 2 fields, the header (line 1) has 3 | double a quote "
          "that is part of the text, and put the whole field in quotes");
    }
  }
  // Where the row would have too many fields, and where the last line opens a field of its own.
  CHECK(run_csv("id,b,c\n1,\"x,y\n2,x,y\n3,x\",y,z\n4,x,y\n").rows() == Rows{{"2", "x", "y"}, {"4", "x", "y"}});
  CHECK(run_csv("id,b,c,d\n1,\"x,y,z\n2,x,\"\ntext\",z\n3,x,y,z\n").rows() ==
        Rows{{"2", "x", "\ntext", "z"}, {"3", "x", "y", "z"}});
  // At the end of the input, without a line end.
  CHECK(run_csv("id,b,c\n1,\"x,y\n2,x,y\"").rows() == Rows{{"2", "x", "y\""}});
}

TEST_CASE("csv: the lines of a text are no rows, though its row is ragged") {
  for (const std::string_view text : {"well, so, it\nbye", "a\nb", "12\nx,y,z", "so\n", "a\n,,"}) {
    const CsvRun run = run_csv("id,b,c\n1,\"" + std::string(text) + "\"\n2,x,y\n");
    CHECK(run.rows() == Rows{{"2", "x", "y"}});
    CHECK(the_fault(run).code == "ragged_row");
    CHECK(the_fault(run).line == 2);
    CHECK(the_fault(run).cure.find("short_rows") == std::string::npos);  // a field may have swallowed others
  }
  CHECK(run_csv("a\n\"1\n2\",x\n3\n").rows() == Rows{{"3"}});  // of one column any line would be a row
}

TEST_CASE("csv: tens of thousands of rows after a stray quote are read") {
  std::string text = "id,status,created,subject,name\n";
  for (int i = 1; i <= 40'000; ++i) {
    text += std::to_string(i) + (i == 39'991 ? ",Open\",2023," : ",Open,2023,") + (i == 6 ? "\"late,Ann\n" : "late,Ann\n");
  }
  CHECK(run_csv(text).rows().size() == 39'999);
  CHECK(the_fault(run_csv(text)).line == 7);
}

TEST_CASE("csv: a row that repeats the header is told apart") {
  const CsvRun run = run_csv("Id,\"Name \"\n1,x\nId,Name\n2,y\n\xEF\xBB\xBFId,Name\nId,name\n");
  CHECK(run.rows() == Rows{{"1", "x"}, {"2", "y"}, {"Id", "name"}});
  CHECK(run.events[1].kind == CsvEvent::Kind::repeated_header);
  CHECK(run.events[1].line == 3);
  CHECK(run.events[3].code == "byte_order_mark");
  CHECK(run.events[4].kind == CsvEvent::Kind::repeated_header);
  CHECK(run_csv("Id, Na\xC2\xA0me\n1,x\n\xE2\x80\x8BId,Na me\n").rows() == Rows{{"1", "x"}});
  CHECK(run_csv("Id,Name,,\n1,x\nId,Name,,\n2,y\n").rows() == Rows{{"1", "x"}, {"2", "y"}});
  CHECK(run_csv("Id,Name\n1,x,\nId,Name,\n2,y,\n").rows() == Rows{{"1", "x"}, {"2", "y"}});
}

TEST_CASE("csv: bytes that are not UTF-8 refuse their row only") {
  const CsvRun run = run_csv("Id,Subject\n1,caf\xE9 noir\n2,ok\n\xC3,3\n4,\xED\xA0\x80\n5,é\n");
  CHECK(run.rows() == Rows{{"2", "ok"}, {"5", "é"}});
  const auto faults = run.faults();
  REQUIRE(faults.size() == 3);
  CHECK(shown(faults[0]) ==
        "invalid_utf8 | line 2 | byte 0xE9 | byte 0xE9 at offset 16 of the input, in column 2, is not valid UTF-8; "
        "other text of the input is UTF-8, so a character is cut off here, or the row is in another encoding | "
        "do not convert the whole file, which would spoil the rest: export it again as UTF-8, or convert the parts before they "
        "are put together");
  CHECK(faults[0].field == "Subject");
  CHECK(faults[1].message.starts_with("byte 0xC3 at offset 28 of the input, in column 1, is not valid UTF-8; "));
  CHECK(faults[2].message.starts_with("byte 0xED at offset 34 of the input, in column 2, is not valid UTF-8; "));
}

TEST_CASE("csv: a stray quote that a later one closes in the middle of text costs one line") {
  const CsvRun run = run_csv("Id,Subject,Group\n1,a,b\n2,\"oops,b\n3,x,\"y\"\n4,d,e");
  CHECK(run.rows() == Rows{{"1", "a", "b"}, {"3", "x", "y"}, {"4", "d", "e"}});
  CHECK(shown(the_fault(run)) ==
        "stray_quote | line 3 | 2 fields over several lines | the quote opened in line 3, column 2 (Subject), runs on "
        "into the next line, and a quote stands in the middle of text; the row would have 2 fields, the header (line 1) has 3 | "
        "double a quote that is part of the text, and put the whole field in quotes");
}

TEST_CASE("csv: a quote that is open at the end costs one line") {
  const CsvRun run = run_csv("Id,Subject,Group\r\n1,a,b\r\n2,\"oops,b\r\n3,x,b\r\n4,d,e\r\n");
  CHECK(run.rows() == Rows{{"1", "a", "b"}, {"3", "x", "b"}, {"4", "d", "e"}});
  const CsvEvent open = the_fault(run);
  CHECK(open.text == "2,\"oops,b");
  CHECK(open.size == 9);
  CHECK(shown(open) ==
        "unclosed_quote | line 3 | a quote that is not closed | the quote opened in line 3, column 2 (Subject), is not "
        "closed before the end of the input | close the quote; double a quote that is part of the text");
}

TEST_CASE("csv: an open quote in the last line") {
  const CsvRun run = run_csv("a,b\n1,2\n3,\"x");
  CHECK(run.rows() == Rows{{"1", "2"}});
  CHECK(the_fault(run).message == "the quote opened in line 3, column 2 (b), is not closed before the end of the input");
}

TEST_CASE("csv: rows with line breaks in quotes survive next to a stray quote") {
  // The stray quote of line 2 would run to the end of line 4; line 3 is a good row that ends there as well.
  const CsvRun run = run_csv("a,b,c,d,e\n1,\"oops,3,4,5\n1,2,\"x\",\"two\nlines\",5\n6,7,8,9,10\n");
  CHECK(run.rows() == Rows{{"1", "2", "x", "two\nlines", "5"}, {"6", "7", "8", "9", "10"}});
  CHECK(the_fault(run).code == "stray_quote");
  CHECK(the_fault(run).line == 2);
}

TEST_CASE("csv: a stray quote costs its line whatever the number of fields") {
  const CsvRun run = run_csv("a,b\n1,\"oops\n2,x\n3,\"y\" z\n4,w\n");
  CHECK(run.rows() == Rows{{"2", "x"}, {"3", "y z"}, {"4", "w"}});
  CHECK(the_fault(run).code == "stray_quote");
  CHECK(the_fault(run).line == 2);
  CHECK(the_fault(run).text == "1,\"oops");
  CHECK(run.irregular == 1);
  CHECK(run.first_irregular == 16);
  // As a whole it would be a row of two fields, but nobody can know.
  CHECK(run_csv("a,b\n\"x\" y,\"two\nlines\"\n").rows().empty());
}

TEST_CASE("csv: what is left of a broken field belongs to the reject of its first line") {
  const CsvRun run = run_csv("a,b,c\n1,\"my 55\nTV, and\n\nmore of \"it\" here\nreally\",z\n2,\"two\nlines\",y\n3,x,y\n");
  CHECK(run.rows() == Rows{{"2", "two\nlines", "y"}, {"3", "x", "y"}});
  const CsvEvent fault = the_fault(run);
  CHECK(fault.line == 2);
  CHECK(fault.text == "1,\"my 55\nTV, and\n\nmore of \"it\" here\nreally\",z");
  CHECK(fault.message.ends_with("; what follows is no row and belongs to it (3 more)"));
  // A row that has too few fields after it is one of its own.
  const CsvRun next = run_csv("a,b,c\n1,\"oops,z\n2,x,y\n3,x\n");
  REQUIRE(next.faults().size() == 2);
  CHECK(next.faults()[1].code == "ragged_row");
  CHECK(next.rows() == Rows{{"2", "x", "y"}});
}

TEST_CASE("csv: lines that each have a stray quote are rejects of their own") {
  const CsvRun run = run_csv("a,b\n1,\"oops\n2,\"oops\n3,\"oops\n4,x\n");
  CHECK(run.rows() == Rows{{"4", "x"}});
  CHECK(run.faults().size() == 3);
}

TEST_CASE("csv: what joins a reject is kept whole, so there is an end to it") {
  std::string text = "a,b\n1,\"oops\n";
  for (int i = 0; i < 5'000; ++i) text += "short row " + std::to_string(i) + "\n";
  const CsvRun run = run_csv(text);
  const auto faults = run.faults();
  REQUIRE(faults.size() > 100);
  CHECK(faults[0].code == "unclosed_quote");
  CHECK(faults[0].size == faults[0].text.size());
  CHECK(faults[0].size <= 16 << 10);
  CHECK(faults[0].size > 15 << 10);
  CHECK(faults[1].code == "ragged_row");
}

TEST_CASE("csv: a thousand rows after a stray quote are read") {
  std::string text = "Id\tVia\tSubject\tRequester\n";
  for (int i = 1; i <= 1'000; ++i) {
    text += std::to_string(i) + "\tMail\t" +
            (i == 10    ? "\"Urgent: where is it"
             : i == 900 ? "\"Hello\" from shop"
                        : "late") +
            "\tAnn\n";
  }
  for (const std::size_t target : {std::size_t{1}, std::size_t{5'000}, std::size_t{1} << 20}) {
    CsvSetup setup;
    setup.target = target;
    const CsvRun run = run_csv(text, setup);
    CHECK(run.rows().size() == 999);
    CHECK(the_fault(run).code == "stray_quote");
    CHECK(the_fault(run).line == 11);
    CHECK(run.irregular == 1);
  }
}

TEST_CASE("csv: rows with quotes out of place are counted") {
  const CsvRun run = run_csv("a,b\n1,2\n5\" pipe,x\n\"x\" y,z\n\"ok \"\"q\"\"\",z\n\"x\" \"y\"\n");
  CHECK(run.irregular == 2);  // the last is rejected, for it has one field
  CHECK(run.first_irregular == 8);
  CHECK(run_csv("a,b\n5\" pipe,x\n").irregular == 1);
  CHECK(run_csv("a,b\n\"5\"\" pipe\",\"x\ny\"\n").irregular == 0);
}

TEST_CASE("csv: where a quoted field has line ends is told once a row") {
  const std::string text = "a,b\n1,2\n\"x\ny\r\nz\",\"u\nv\"\n3,4\n\"\n\",5\n";
  for (const std::size_t size : kSizes) {
    CsvSetup setup;
    setup.target = size;
    CHECK(run_csv(text, setup).inner_lines == std::vector<std::uint64_t>{10, 28});
  }
}

TEST_CASE("csv: rows inside a field are found") {
  bool short_rows = false;
  const auto rows_inside = [&](std::string_view text, std::optional<std::size_t> id_column) {
    CsvOptions options;
    options.short_rows = short_rows;
    auto opened = open_csv("in.csv", std::make_unique<ChunkSource>(text), options);
    REQUIRE(opened.ok());
    Block block;
    std::vector<std::size_t> found;
    while (*opened->splitter->next(block, std::size_t{1} << 20)) {
      for (const std::uint32_t inner : block.unusual.inner_lines) {
        const auto inside = find_rows_inside(block, inner, opened->dialect, id_column);
        found.push_back(inside ? inside->rows : 0);
        if (inside) CHECK(inside->column == 1);
      }
    }
    return found;
  };
  CHECK(rows_inside("id,b,c\n1,\"TV,x\n2,radio,y\n3,TV of 55\",z\n4,a,b\n", 0) == std::vector<std::size_t>{2});
  CHECK(rows_inside("id,b,c\n1,\"TV,x\n3,TV of 55\",z\n", 0) == std::vector<std::size_t>{1});
  // Text with as many commas, but no id where ids stand.
  CHECK(rows_inside("id,b,c\n1,\"Dear all,\nwell, so, it goes\nand, then, more\",z\n", 0) == std::vector<std::size_t>{0});
  CHECK(rows_inside("id,b,c\n1,\"Dear all,\nwell, so, it goes\nand, then, more\",z\n", std::nullopt) ==
        std::vector<std::size_t>{1});
  CHECK(rows_inside("id,b,c\n1,\"a\nb\nc\",z\n", 0) == std::vector<std::size_t>{0});
  CHECK(rows_inside("id\n\"1\n2\n3\"\n", 0) == std::vector<std::size_t>{0});
  short_rows = true;  // rows as short as the one that holds them
  CHECK(rows_inside("id,b,c\n1,\"TV\n2,radio\n3,TV of 55\"\n4,a\n", 0) == std::vector<std::size_t>{2});
  CHECK(rows_inside("id,b,c\n1,\"Dear all,\nwell, so\"\n", 0) == std::vector<std::size_t>{0});
}

TEST_CASE("csv: the setting max_lines_in_field") {
  CsvSetup setup;
  setup.options.max_lines_in_field = 2;
  const CsvRun run = run_csv("a,b\n\"1\n2\",\"3\r\n4\"\n5,\"oops\n6,x\n7,y\"\n8,z\n", setup);
  CHECK(run.rows() == Rows{{"1\n2", "3\r\n4"}, {"6", "x"}, {"7", "y\""}, {"8", "z"}});
  CHECK(
      shown(the_fault(run)) ==
      "too_many_lines | line 5 | a field of more than 2 lines | the quote opened in line 5, column 2 (b), makes the field longer "
      "than the 2 lines that a field may have | close the quote; double a quote that is part of the text; if fields are meant to "
      "be that long, raise the setting max_lines_in_field");
}

TEST_CASE("csv: quotes with backslashes before those that are text") {
  CsvSetup setup;
  setup.options.quotes = CsvQuotes::backslash;
  CHECK(run_csv("a,b\n\"say \\\"no\\\"\",x\n", setup).rows() == Rows{{"say \"no\"", "x"}});
  CHECK(run_csv("a,b\n\"c:\\\\\",\"x\"\"y\"\n", setup).rows() == Rows{{"c:\\", "x\"y"}});
  CHECK(run_csv("a,b\n\"c:\\new\",c:\\\\new\n", setup).rows() == Rows{{"c:\\new", "c:\\\\new"}});
  CHECK(run_csv("\"a \\\"x\\\"\",b\n\"two\\\n\\\"lines\",\"x\"\n", setup).dialect.header == Row{"a \"x\"", "b"});
  CHECK(run_csv("\"a \\\"x\\\"\",b\n\"two\\\n\\\"lines\",\"x\"\n", setup).rows() == Rows{{"two\\\n\"lines", "x"}});
  // Read by RFC 4180 such rows are rejects, whose hint names the setting.
  const CsvRun plain = run_csv("a,b\n\"say \\\"no, never\\\"\",x\n\"a \\\"\"\nc\\\"d\",x\n");
  REQUIRE(plain.faults().size() == 2);
  for (const CsvEvent& fault : plain.faults()) CHECK(fault.cure.ends_with("--set quotes=backslash"));
  // Where it is set already, it is no hint.
  const CsvRun set = run_csv("a,b\n\"say \\\"no\\\" x\n1,2\n3,\"\\\"4\\\"\",x\n", setup);
  REQUIRE(set.faults().size() == 2);
  for (const CsvEvent& fault : set.faults()) CHECK(fault.cure.find("backslash") == std::string::npos);
}

TEST_CASE("csv: quotes that are text") {
  CsvSetup setup;
  setup.options.quotes = CsvQuotes::none;
  const CsvRun run = run_csv("a,\"b\"\n\"oops,x\n5\",\"\"\n", setup);
  CHECK(run.dialect.header == Row{"a", "\"b\""});
  CHECK(run.rows() == Rows{{"\"oops", "x"}, {"5\"", "\"\""}});
  CHECK(run.irregular == 0);
}

TEST_CASE("csv: rows that hold nothing are passed over") {
  const CsvRun run = run_csv("a,b,c\n,,\n1,2,3\n   \n \t \n\"\",\"\",\" \"\n,,,,,\n\xC2\xA0,,\xEF\xBB\xBF\n\x1A");
  CHECK(run.rows() == Rows{{"1", "2", "3"}});
  CHECK(run.faults().empty());
  CHECK(run.events.size() == 8);
  for (const CsvEvent& event : run.events) {
    if (event.kind != CsvEvent::Kind::record) CHECK(event.kind == CsvEvent::Kind::blank_row);
  }
  CHECK(run_csv(",,\n,,\n").rows().empty());
  CHECK(run_csv("a,b\n1,2\x1A").rows() == Rows{{"1", "2"}});
  CHECK(run_csv("a,b\n1,2\x1A").events[0].code == "end_mark");
  CHECK(run_csv("a,b\n1,\"2\"\x1A\x1A").rows() == Rows{{"1", "2"}});
  CHECK(run_csv("a,b\n\xC2,\n").faults().size() == 1);  // what is not UTF-8 is no blank
  const CsvRun joined = run_csv(
      "a,b\n1,2\n\x1A\xEF\xBB\xBF"
      "a,b\n\x1A"
      "3,\x1A"
      "4\n");
  CHECK(joined.rows() == Rows{{"1", "2"},
                              {"3",
                               "\x1A"
                               "4"}});
  CHECK(joined.events[1].code == "end_mark_before");
  CHECK(joined.events[2].code == "byte_order_mark");
  CHECK(joined.events[3].kind == CsvEvent::Kind::repeated_header);
  CHECK(joined.events[4].code == "end_mark_before");
}

TEST_CASE("csv: fields that are none") {
  const CsvRun behind = run_csv("a,b\n1,2,\n\n3,,\n");
  CHECK(behind.dialect.header == Row{"a", "b"});
  CHECK(behind.rows() == Rows{{"1", "2"}, {"3", ""}});
  CHECK(behind.dialect.notes ==
        Row{"in.csv: every row has 1 empty field behind the columns of the header, which are no columns"});
  CHECK(run_csv("a,b\n1,2,,\n3,4,,\n").rows() == Rows{{"1", "2"}, {"3", "4"}});
  // Nothing in quotes and blanks are nothing too.
  CHECK(run_csv("a,b\n1,2,\"\"\n3,4,\"\"\n").rows() == Rows{{"1", "2"}, {"3", "4"}});
  CHECK(run_csv("a,b\n1,2, \n3,4,\n5,6,\" \"\n").rows() == Rows{{"1", "2"}, {"3", "4"}, {"5", "6"}});
  CHECK(run_csv("a,b\n1,2,\"\",\xC2\xA0\n3,\"\",\"\",\n").rows() == Rows{{"1", "2"}, {"3", ""}});
  CHECK(run_csv("a,b\n1,2,\"\"\"\"\n3,4,\"\"\"\"\n").faults().size() == 2);  // a quote is something
  const CsvRun header = run_csv("a,b,\n1,2\n3,4\n");
  CHECK(header.dialect.header == Row{"a", "b"});
  CHECK(header.rows() == Rows{{"1", "2"}, {"3", "4"}});
  CHECK(header.dialect.notes == Row{"in.csv: the header ends with 1 empty field that no row has, which are no columns"});
  // Not where one row differs, or where something stands there.
  CHECK(run_csv("a,b\n1,2,\n3,4\n").faults().size() == 1);
  CHECK(run_csv("a,b\n1,2,\n3,4,5\n").faults().size() == 2);
  CHECK(run_csv("a,b,c\n1,2\n3,4\n").faults().size() == 2);
  CHECK(run_csv("a,b,\n1,2,3\n").dialect.header == Row{"a", "b", ""});
  // A later row that has more is a reject.
  std::string text = "a,b\n";
  while (text.size() < 200'000) text += "1,2,\n";
  const CsvRun later = run_csv(text + "1,2,3\n1,2\n1,2,\n");
  REQUIRE(later.faults().size() == 2);
  CHECK(later.faults()[0].message ==
        "the row has 3 fields, the header (line 1) has 2; behind those every other row has 1 field, empty");
}

TEST_CASE("csv: short rows") {
  CsvSetup setup;
  setup.options.short_rows = true;
  const CsvRun run = run_csv("a,b,c\n1,\"x \"\"y\"\"\"\n1,2,3\n4\n1,2,3,4\n", setup);
  CHECK(run.rows() == Rows{{"1", "x \"y\"", ""}, {"1", "2", "3"}, {"4", "", ""}});
  CHECK(the_fault(run).found == "4 fields");
  // After a stray quote they are rows too.
  CHECK(run_csv("a,b,c\n1,\"oops,3\n1,2\n1,2,3\n", setup).rows() == Rows{{"1", "2", ""}, {"1", "2", "3"}});
  std::string wide;
  for (int i = 0; i < 300; ++i) wide += "c" + std::to_string(i) + ",";
  CHECK(run_csv(wide + "z\n1\n", setup).rows()[0].size() == 301);
}

TEST_CASE("csv: the line of the header") {
  const auto with_row = [](std::string_view text, std::uint64_t row) {
    CsvSetup setup;
    setup.options.header_row = row;
    return run_csv(text, setup);
  };
  CHECK(with_row("Report\n\nid;b\n1;2\n", 3).rows() == Rows{{"1", "2"}});
  CHECK(with_row("Report\n\nid;b\n1;2\n", 3).dialect.header_line == 3);
  CHECK(with_row("Report\n\nid;b\n1;2\n", 2).dialect.header_line == 3);  // a blank line is no header
  CHECK(with_row("\"a\nb\r\nid,b\r\n1,2\r\n", 3).rows() == Rows{{"1", "2"}});
  CHECK(with_row("a\rid,b\r1,2\r", 2).rows() == Rows{{"1", "2"}});
  CHECK(with_row("sep=;\nReport, all\nid;b\n1;2\n", 3).rows() == Rows{{"1", "2"}});
  CHECK(with_row("id,b\n1,2\n", 1).rows() == Rows{{"1", "2"}});
  CHECK(with_row("id,b\n1,2\n", 4).error ==
        "in.csv: setting header_row: the file has no line 4\n  give the line of the file that holds the names of the columns");
  for (const std::size_t chunk : {1U, 2U, 3U}) {
    CsvSetup setup;
    setup.options.header_row = 3;
    setup.chunk = chunk;
    CHECK(run_csv("a\r\n\r\nid,b\r\n1,2\r\n", setup).dialect.header_line == 3);
  }
}

TEST_CASE("csv: no encoding is advised that the bytes do not prove") {
  const auto fault = [](const std::string& text) {
    const CsvEvent event = the_fault(run_csv(text));
    return event.message.substr(event.message.find("UTF-8") + 5) + " | " + event.cure;
  };
  const std::string any =
      " | export the file again as UTF-8, or convert it from the encoding that the program which wrote it used; its bytes do not "
      "prove which one that is";
  CHECK(fault("a,b\n1,caf\xE9 noir\n") == any);     // Windows-1252
  CHECK(fault("a,b\n1,caf\x8E noir\n") == any);     // Mac Roman, where Windows-1252 has another letter
  CHECK(fault("a,b\n1,caf\x82 noir\n") == any);     // code page 850
  CHECK(fault("a,b\n1,ticket \x93\xFA\n") == any);  // Shift-JIS
  CHECK(fault("a,b\n1,gr\xC3\xB6\xC3\x9F\x65r\n2,Gr\xF6\xDF\x65\n").starts_with("; other text of the input is UTF-8"));
  const std::string chinese = fault("a,b\n1,\xB0\xFC\xB9\xFC\xC3\xBB\xB5\xBD\n");
  CHECK(chinese.find("GB18030") != std::string::npos);
  CHECK(chinese.find("iconv") == std::string::npos);
  CHECK(fault("a,b\n1,x\x81y\n") == any);
  CHECK(fault("a,b\n1,x\n2,y\xFF").starts_with("; the last character is cut off"));
}

TEST_CASE("csv: a line over the limit") {
  const std::string field(50, 'x');
  const CsvRun run = run_csv("a,b\n1,2\n3," + field + "\n4,5\n\"" + field + "\",6\r\n7,8\n", with_limit(40));
  CHECK(run.rows() == Rows{{"1", "2"}, {"4", "5"}, {"7", "8"}});
  const auto faults = run.faults();
  REQUIRE(faults.size() == 2);
  CHECK(shown(faults[0]) ==
        "record_too_large | line 3 | 52 bytes | the record is longer than the 40 bytes that a record may have | "
        "if records are meant to be that long, raise the setting max_record");
  CHECK(faults[0].size == 52);
  CHECK(faults[0].text == "3," + field.substr(0, 38));
  CHECK(faults[1].size == 54);
  CHECK(faults[1].line == 5);
}

TEST_CASE("csv: the limit is exact") {
  for (const std::size_t limit : {20U, 63U, 64U, 65U, 100U, 200U}) {
    for (const std::string end : {"\n", "\r\n", ""}) {
      for (const std::size_t size : {limit - 1, limit, limit + 1}) {
        const std::string record = "1," + std::string(size - 2, 'x');
        const CsvRun run = run_csv("a,b\n" + record + end, with_limit(limit));
        CHECK(run.rows().size() == (size <= limit ? 1 : 0));
        CHECK(run.faults().size() == (size <= limit ? 0 : 1));
      }
    }
  }
}

TEST_CASE("csv: a record over the limit that spans lines costs its first line") {
  std::string text = "a,b\n1,\"oops\n";
  for (int i = 0; i < 20; ++i) text += std::to_string(i) + ",x\n";
  const CsvRun run = run_csv(text, with_limit(30));
  CHECK(run.rows().size() == 20);
  CHECK(shown(the_fault(run)) ==
        "unclosed_quote | line 2 | a quote that is not closed | the quote opened in line 2, column 2 (b), makes the "
        "record longer than the 30 bytes that a record may have | close the quote; double a quote that is part of the "
        "text; if records are meant to be that long, raise the setting max_record");
}

TEST_CASE("csv: header") {
  CHECK(run_csv("").dialect.header.empty());
  CHECK(run_csv("\n\r\n\r").dialect.header.empty());
  CHECK(run_csv("").error.empty());
  CHECK(run_csv("a,b").dialect.header == Row{"a", "b"});
  CHECK(run_csv("a,b\n").events.empty());
  CHECK(run_csv(" Id , \"x\" ,\"Na\"\"me \",\xC2\xA0Größe\xC2\xA0\t\n").dialect.header == Row{"Id", "\"x\"", "Na\"me", "Größe"});
  CHECK(run_csv("Id,\"two\nlines\"\n1,2\n").dialect.header == Row{"Id", "two lines"});
  CHECK(run_csv("\xEF\xBB\xBFId,\xE2\x80\x8B\x43reated\xC2\xA0\x61t,Vi\xC2\xAD\x61\n").dialect.header ==
        Row{"Id", "Created at", "Via"});
  CHECK(run_csv("\xEF\xBB\xBF\xEF\xBB\xBF\"Id\",b\n1,2\n").dialect.header == Row{"Id", "b"});
  CHECK(run_csv("Chat ID [txt],a.b,c\\d\n").dialect.header == Row{"Chat ID [txt]", "a.b", "c\\d"});
  CHECK(run_csv("Id,,Name,,\n1,2,3,4,5\n").dialect.header == Row{"Id", "", "Name", "", ""});
  CHECK(run_csv("Id,,Name,,\n1,2,3,4,5\n").rows() == Rows{{"1", "2", "3", "4", "5"}});
  CHECK(run_csv("\n\r\n\rId\n1\n").dialect.header_line == 4);
  CHECK(run_csv("\n\r\n\rId\n1\n").events[0].line == 5);
  CHECK(run_csv("\"\"\n1\n").dialect.header == Row{""});
}

TEST_CASE("csv: a header that cannot be read is an error") {
  CHECK(run_csv("a,\"b\n1,2\n").error ==
        "in.csv: the header (line 1) cannot be read: the quote opened in column 2 is not closed where the field ends\n"
        "  close the quote; double a quote that is part of a name");
  CHECK(run_csv("\na,\"b\n1,\"2\n3\n").error ==
        "in.csv: the header (line 2) cannot be read: the quote opened in column 2 is not closed where the field ends\n"
        "  close the quote; double a quote that is part of a name");
  CHECK(
      run_csv("a,b\xE4\n").error ==
      "in.csv: the header (line 1) cannot be read: byte 0xE4 at offset 3, in column 2, is not valid UTF-8\n"
      "  export the file again as UTF-8, or convert it from the encoding that the program which wrote it used; its bytes do not "
      "prove which one that is");
  CHECK(run_csv(std::string(200, 'x') + "\n", with_limit(100)).error ==
        "in.csv: the header (line 1) cannot be read: it is longer than the 100 bytes that a record may have\n"
        "  if records are meant to be that long, raise the setting max_record");
  CsvSetup narrow;
  narrow.options.limits.max_fields = 3;
  CHECK(run_csv("a,b,c\n1,2,3\n", narrow).rows().size() == 1);
  CHECK(run_csv("a,b,c,d\n", narrow).error ==
        "in.csv: the header (line 1) cannot be read: it has 4 fields; 3 are allowed\n"
        "  if records are meant to be that wide, raise the setting max_fields");
}

TEST_CASE("csv: delimiter") {
  const auto delimiter = [](std::string_view text) { return run_csv(text).dialect.delimiter; };
  CHECK(delimiter("a,b\n1,2\n") == ',');
  CHECK(delimiter("a;b\n1,5;2,5\n") == ';');
  CHECK(delimiter("a\tb\n1,5\t2;5\n") == '\t');
  CHECK(delimiter("a|b|c\n1|2|3") == '|');
  CHECK(delimiter("Id;Requester, full;Status") == ';');
  CHECK(delimiter("\"a,b\";\"c,d\"\n\"1,2\";\"3\"\n") == ';');
  CHECK(delimiter("a;b\n\"x;y\n1;2\";3\n") == ';');
  CHECK(delimiter("a\n1\n2\n") == ',');
  CHECK(delimiter("") == ',');
  CHECK(run_csv("a;b\n1;2\n").rows() == Rows{{"1", "2"}});

  CsvSetup given;
  given.options.delimiter = ';';
  CHECK(run_csv("a,b;c\n1,2;3\n", given).rows() == Rows{{"1,2", "3"}});
  given.options.delimiter = '^';
  CHECK(run_csv("a^b\n1^2^3\n", given).faults()[0].cure.find("('^')") != std::string::npos);
  given.options.delimiter = '"';
  CHECK(run_csv("a,b\n", given).error ==
        "a CSV delimiter is one ASCII character, and neither a quote nor a line end\n  give one of , ; | or a tab");
}

TEST_CASE("csv: the separator line of spreadsheets") {
  CHECK(run_csv("sep=;\r\na;b\r\n1;2\r\n").rows() == Rows{{"1", "2"}});
  CHECK(run_csv("SEP=|\na|b\n1|2\n").dialect.header_line == 2);
  CHECK(run_csv("\"sep=;\"\na;b\n1;2\n").rows() == Rows{{"1", "2"}});
  CHECK(run_csv("sep=;").dialect.header.empty());
  CHECK(run_csv("sep=x,b\n1,2\n").dialect.header == Row{"sep=x", "b"});
  CsvSetup given;
  given.options.delimiter = ',';
  CHECK(run_csv("sep=;\na,b\n", given).dialect.header == Row{"a", "b"});
}

TEST_CASE("csv: what is no text is an error that says what it looks like") {
  CHECK(run_csv("PK\x03\x04\x14\0\0\0"s).error ==
        "in.csv: this is not CSV text; it looks like a zip archive or a spreadsheet file (.xlsx, .ods)\n"
        "  zip archives are read from files: give FILE.zip; unpack one that stands inside of another; save a spreadsheet as CSV "
        "(UTF-8)");
  CHECK(run_csv("\x7F"
                "ELF\x02\x01\x01\0"s)
            .error == "in.csv: this is not CSV text; it looks like a program (ELF)");
  CHECK(run_csv("\x89PNG\r\n\x1A\n\0"s).error == "in.csv: this is not CSV text; it looks like a PNG picture");
  CHECK(run_csv("I\0d\0,\0N\0\n\0"s).error ==
        "in.csv: this is not CSV text; it looks like UTF-16LE text without a byte order mark\n"
        "  convert it to UTF-8 first: iconv -f UTF-16LE -t UTF-8");
  CHECK(run_csv("\0I\0d\0,\0N\0\n"s).error.find("UTF-16BE") != std::string::npos);
  std::string garbage;
  std::mt19937 random(5);
  while (garbage.size() < 5000) garbage += static_cast<char>(random() % 256);
  CHECK(run_csv(garbage).error == "in.csv: this is not CSV text; it looks like binary data\n  export or save it as CSV (UTF-8)");
}

TEST_CASE("csv: a source that fails ends the input, after what was whole") {
  CsvSetup failing;
  failing.source_fails = true;
  CHECK(run_csv("", failing).error == "the disk is on fire");
  CHECK(run_csv("a,b", failing).error == "the disk is on fire");
  for (const std::size_t target : kSizes) {
    failing.target = target;
    const CsvRun run = run_csv("a,b\n1,2\n3,\"4\n5,6\n", failing);
    CHECK(run.rows() == Rows{{"1", "2"}});
    CHECK(run.faults().empty());
    CHECK(run.error == "the disk is on fire");
  }
}

TEST_CASE("csv: block and chunk sizes never change a result") {
  std::mt19937 random(11);
  for (int round = 0; round < 60; ++round) {
    const std::string text = "h0,h1\n" + dirt(random, random() % 3 == 0 ? 6000 : 300);
    CsvSetup setup = with_limit(round % 3 == 0 ? 50 + random() % 100 : std::size_t{16} << 20);
    const CsvRun whole = run_csv(text, setup);
    for (const std::size_t size : kSizes) {
      setup.chunk = 0;
      setup.target = size;
      CHECK(run_csv(text, setup) == whole);
      setup.chunk = size;
      CHECK(run_csv(text, setup) == whole);
      setup.target = std::size_t{1} << 20;
      CHECK(run_csv(text, setup) == whole);
    }
  }
}

TEST_CASE("csv: nor do they past the head, which is read at once") {
  std::mt19937 random(15);
  for (int round = 0; round < 6; ++round) {
    const std::string text = "h0,h1\n" + std::string(70'000, '\n') + dirt(random, 3000);
    CsvSetup setup = with_limit(round % 2 == 0 ? 200 : std::size_t{16} << 20);
    const CsvRun whole = run_csv(text, setup);
    for (const std::size_t size : {1U, 7U, 64U, 1000U}) {
      setup.chunk = size;
      setup.target = size;
      CHECK(run_csv(text, setup) == whole);
    }
  }
}

namespace {

/// Frames `text` through a window that grows by `step` bytes at a time; the ends of fields (|) and records (/) in all of it, and
/// what was refused.
std::string framed_in_steps(const std::string& text, std::size_t step, std::size_t target, std::size_t max_record) {
  const std::string padded = text + std::string(kSlack, '"');
  csv::RowRules rules;
  rules.columns = rules.least = 2;
  rules.max_record = max_record;
  csv::Framer framer(rules);
  Block::Unusual unusual;
  std::string result;
  std::size_t begin = 0;
  std::size_t end = 0;
  while (begin < text.size()) {
    Block::Ends ends;
    ends.fields.assign(text.size() / csv::kWord + 1, ~std::uint64_t{});  // what was there must not matter
    ends.records = ends.fields;
    std::vector<csv::RefusedLine> refused;
    std::size_t framed = 0;
    while (framed == 0 && !framer.line_too_long()) {
      end = std::min(end + step, text.size());
      framed = framer.frame({padded.data() + begin, end - begin, end == text.size()}, target, ends, refused, unusual);
    }
    const auto is_set = [](const std::vector<std::uint64_t>& bits, std::size_t i) {
      return (bits[i / csv::kWord] >> i % csv::kWord & 1) != 0;
    };
    for (std::size_t i = 0; i < framed; ++i) {
      const bool field = is_set(ends.fields, i);
      const bool record = is_set(ends.records, i);
      CHECK((field || !record));
      result += record ? '/' : field ? '|' : '.';
    }
    for (const csv::RefusedLine& line : refused) {
      result += "(" + std::to_string(begin + line.begin) + " " + std::to_string(line.size) + " " +
                std::to_string(static_cast<int>(line.why)) + " " + std::to_string(line.column) + " " +
                std::to_string(line.fields) + ")";
    }
    const bool too_long = framer.line_too_long();
    begin += framed;
    framer.move_on(framed);
    if (!too_long) continue;
    const std::size_t line = std::min(text.find_first_of("\r\n", begin), text.size()) - begin;
    result += "(too long: " + std::to_string(line) + ")";
    framer.move_on(line);
    begin += line;
    end = std::max(end, begin);
  }
  return result;
}

/// The same with everything refused put last: where windows end decides when it is told, not what.
std::string sorted_by_kind(const std::string& framed) {
  std::string marks, told;
  bool inside = false;
  for (const char c : framed) {
    inside = inside || c == '(';
    (inside ? told : marks) += c;
    inside = inside && c != ')';
  }
  return marks + told;
}

}  // namespace

TEST_CASE("csv: a window that grows byte by byte is framed like a whole one") {
  std::mt19937 random(16);
  for (int round = 0; round < 300; ++round) {
    const std::string text = dirt(random, round % 10 == 0 ? 2000 : random() % 300);
    const std::size_t max_record = round % 3 == 0 ? 10 + random() % 150 : std::size_t{1} << 20;
    const std::string wanted = sorted_by_kind(framed_in_steps(text, text.size(), text.size(), max_record));
    for (const std::size_t step : {1U, 2U, 3U, 7U, 63U, 64U, 65U, 200U}) {
      for (const std::size_t target : {1U, 64U, 100U, 5000U}) {
        CHECK(sorted_by_kind(framed_in_steps(text, step, target, max_record)) == wanted);
      }
    }
  }
}

TEST_CASE("csv: every kernel finds the same") {
  std::mt19937 random(12);
  const auto kernels = csv::kernels();
  for (int round = 0; round < 100; ++round) {
    std::string bytes = dirt(random, 1024 + random() % 64);
    for (int i = 0; i < 100; ++i) bytes[random() % bytes.size()] = static_cast<char>(random() % 256);
    const char delimiter = round % 2 == 0 ? ',' : static_cast<char>(random() % 256);
    const std::size_t words = bytes.size() / csv::kWord;
    std::vector<csv::WordMasks> wanted(words);
    kernels[0].classify(bytes.data(), words, delimiter, wanted.data());
    for (std::size_t i = 0; i < words * csv::kWord; ++i) {
      const auto bit = [&](std::uint64_t mask) { return (mask >> i % csv::kWord & 1) != 0; };
      REQUIRE(bit(wanted[i / csv::kWord].quotes) == (bytes[i] == '"'));
      REQUIRE(bit(wanted[i / csv::kWord].delimiters) == (bytes[i] == delimiter));
      REQUIRE(bit(wanted[i / csv::kWord].line_ends) == (bytes[i] == '\n' || bytes[i] == '\r'));
    }
    for (const csv::Kernel& kernel : kernels) {
      CAPTURE(kernel.name);
      std::vector<csv::WordMasks> masks(words);
      kernel.classify(bytes.data(), words, delimiter, masks.data());
      for (std::size_t i = 0; i < words; ++i) {
        CHECK(masks[i].quotes == wanted[i].quotes);
        CHECK(masks[i].inside == csv::prefix_xor(wanted[i].quotes));
        CHECK(masks[i].delimiters == wanted[i].delimiters);
        CHECK(masks[i].line_ends == wanted[i].line_ends);
      }
      std::size_t lines = 0;
      for (std::size_t i = 0; i < bytes.size(); ++i) {
        const bool second_half = bytes[i] == '\n' && i > 0 && bytes[i - 1] == '\r';
        if ((bytes[i] == '\n' || bytes[i] == '\r') && !second_half) ++lines;
      }
      CHECK(kernel.count_line_ends(bytes.data(), bytes.size()) == lines);
    }
  }
}

TEST_CASE("csv: every kernel finds the same ones, and writes no further than it says") {
  std::mt19937_64 random(14);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::uint64_t> bits(1 + random() % 8);
    for (std::uint64_t& word : bits) {
      word = random();
      for (int thinner = round % 7; thinner > 0; --thinner) word &= random();
      if (round % 11 == 0) word = ~word;
    }
    const auto base = static_cast<std::uint32_t>(random() % 1000 * csv::kWord);
    std::vector<std::uint32_t> wanted;
    for (std::size_t i = 0; i < bits.size() * csv::kWord; ++i) {
      if ((bits[i / csv::kWord] >> i % csv::kWord & 1) != 0) wanted.push_back(base + static_cast<std::uint32_t>(i));
    }
    for (const csv::Kernel& kernel : csv::kernels()) {
      CAPTURE(kernel.name);
      constexpr std::uint32_t kUntouched = 0xFFFF'FFFF;
      std::vector<std::uint32_t> found(wanted.size() + csv::kStride + 64, kUntouched);
      REQUIRE(kernel.find_ones(bits.data(), bits.size(), base, found.data()) == wanted.size());
      CHECK(std::equal(wanted.begin(), wanted.end(), found.begin()));
      CHECK(std::all_of(found.begin() + static_cast<std::ptrdiff_t>(wanted.size() + csv::kStride), found.end(),
                        [](std::uint32_t n) { return n == kUntouched; }));
    }
  }
}

TEST_CASE("csv: every kernel finds the same cells filled, and says nothing of what is behind them") {
  std::mt19937_64 random(15);
  for (int round = 0; round < 300; ++round) {
    const std::size_t cells = round < 200 ? static_cast<std::size_t>(round) : random() % 1000;
    std::vector<std::uint32_t> ends(cells + 1 + csv::kStride);
    ends[0] = round % 2 == 0 ? 0xFFFF'FFFF : static_cast<std::uint32_t>(random());  // before the first byte there is none
    for (std::size_t i = 1; i < ends.size(); ++i) {
      ends[i] = ends[i - 1] + 1 + static_cast<std::uint32_t>(random() % 3 == 0 ? 0 : random() % 500);
    }
    std::vector<std::uint64_t> wanted((cells + csv::kWord - 1) / csv::kWord);
    for (std::size_t i = 0; i < cells; ++i) {
      if (ends[i + 1] - ends[i] > 1) wanted[i / csv::kWord] |= std::uint64_t{1} << i % csv::kWord;
    }
    for (const csv::Kernel& kernel : csv::kernels()) {
      CAPTURE(kernel.name);
      std::vector<std::uint64_t> found(wanted.size());
      kernel.find_filled(ends.data(), cells, found.data());
      CHECK(found == wanted);
    }
  }
}

TEST_CASE("csv: rows of any length and number of fields, wherever the parser's batches end") {
  std::mt19937 random(15);
  for (int round = 0; round < 30; ++round) {
    const std::string_view line_end = round % 3 == 0 ? "\r\n" : round % 3 == 1 ? "\n" : "\r";
    std::string text = "a,b,c" + std::string(line_end);
    std::vector<std::vector<std::string>> rows;
    std::size_t refused = 0;
    for (int n = 0; n < 60; ++n) {
      // Some much longer than a batch, some with far more fields than the header, some blank.
      std::size_t fields = 3;
      if (random() % 10 == 0) fields = random() % 3 == 0 ? 20'000 : 1 + random() % 200;
      std::vector<std::string> row;
      for (std::size_t f = 0; f < fields; ++f) {
        std::string cell(fields > 200 ? random() % 2 : random() % 40 == 0 ? random() % 9'000 : random() % 60, 'x');
        if (random() % 8 == 0 && fields <= 200) cell += "\"\"";
        const bool quoted = cell.find('"') != std::string::npos || (f == 0 && cell.empty());
        if (f != 0) text += ',';
        text += quoted ? '"' + cell + '"' : cell;
        if (quoted && !cell.empty()) cell.pop_back();
        row.push_back(std::move(cell));
      }
      text += line_end;
      if (random() % 5 == 0) text += line_end;
      if (fields == 3) {
        rows.push_back(std::move(row));
      } else {
        ++refused;
      }
    }
    if (round % 2 == 0) text.resize(text.size() - line_end.size());  // the last line needs no end
    for (const std::size_t target : {std::size_t{1}, std::size_t{5'000}, std::size_t{1} << 20}) {
      CsvSetup setup;
      setup.target = target;
      const CsvRun run = run_csv(text, setup);
      CHECK(run.rows() == rows);
      CHECK(run.faults().size() == refused);
      for (const CsvEvent& fault : run.faults()) CHECK(fault.code == "ragged_row");
    }
  }
}

TEST_CASE("csv: every kernel frames the same") {
  std::mt19937 random(13);
  for (int round = 0; round < 40; ++round) {
    const std::string text = "h0,h1\n" + dirt(random, 3000);
    csv::use_kernel(&csv::kernels()[0]);
    const CsvRun wanted = run_csv(text);
    for (const csv::Kernel& kernel : csv::kernels()) {
      CAPTURE(kernel.name);
      csv::use_kernel(&kernel);
      CHECK(run_csv(text) == wanted);
    }
    csv::use_kernel(nullptr);
  }
}

TEST_CASE("csv: a file cut at any byte gives the rows before the cut") {
  std::string text = "a,b,c\n";
  for (int i = 0; text.size() < 4096; ++i) {
    text += std::to_string(i) + (i % 5 == 0 ? ",\"two\r\nlines \"\"q\"\"\"" : ",plain") + ",\"z\"\r\n";
  }
  const Rows all = run_csv(text).rows();
  for (std::size_t cut = 6; cut < text.size(); ++cut) {
    CsvSetup setup;
    setup.target = 1000;
    const CsvRun run = run_csv(std::string_view(text).substr(0, cut), setup);
    const Rows rows = run.rows();
    REQUIRE(run.error.empty());
    REQUIRE(rows.size() <= all.size());
    // All rows but the one that was cut are as they were; what was cut is a shorter row or a fault, or both.
    for (std::size_t i = 0; i + 1 < rows.size(); ++i) REQUIRE(rows[i] == all[i]);
    REQUIRE(run.faults().size() <= 2);
  }
}

TEST_CASE("csv: one field of 100 MB is refused in bounded memory, and nothing else is lost") {
  for (const std::string quote : {"", "\""}) {
    const std::string huge = quote + std::string(100'000'000, 'x') + quote;
    const CsvRun run = run_csv("a,b\n1,2\n3," + huge + "\n4,5\n");
    CHECK(run.rows() == Rows{{"1", "2"}, {"4", "5"}});
    const CsvEvent fault = the_fault(run);
    CHECK(fault.code == "record_too_large");
    CHECK(fault.size == huge.size() + 2);
    CHECK(fault.text.size() == 16 << 10);
    CHECK(run.events.back().line == 4);
    CHECK(run.events.back().offset == 8 + huge.size() + 3);
    CHECK(run.largest_block < std::size_t{2} << 20);
  }
}

TEST_CASE("csv: a stray quote does not swallow a large file") {
  std::string text = "a,b,c\n1,\"oops,3\n";
  std::size_t rows = 0;
  for (; text.size() < 20'000'000; ++rows) text += "1,some text without any quotes,3\n";
  const CsvRun run = run_csv(text);
  CHECK(run.rows().size() == rows);
  CHECK(the_fault(run).code == "unclosed_quote");
  CHECK(run.largest_block < std::size_t{2} << 20);  // what was read ahead comes in blocks of the usual size
}

TEST_CASE("csv: lines that each leave a quote open are refused in linear time") {
  // Every line ends inside quotes, wherever it is read from: naively each would be read on to the limit.
  const std::size_t lines = 200'000;
  std::string text = "a,b\n";
  for (std::size_t i = 0; i < lines; ++i) text += "x\"y,\"\n";
  for (const std::size_t limit : {std::size_t{1} << 16, std::size_t{16} << 20}) {
    const CsvRun run = run_csv(text, with_limit(limit));
    CHECK(run.faults().size() == lines);
    CHECK(run.rows().empty());
  }
  const CsvRun closed = run_csv(text + "\",\n");  // the last line closes all the others, and opens one itself
  CHECK(closed.faults().size() == lines + 1);
  CHECK(closed.faults().front().code == "stray_quote");
  CHECK(closed.faults().back().code == "unclosed_quote");
}

TEST_CASE("csv: ten thousand columns") {
  std::string header, row;
  for (int i = 0; i < 10'000; ++i) {
    header += (i == 0 ? "column " : ",column ") + std::to_string(i);
    row += (i == 0 ? "" : ",") + std::to_string(i);
  }
  const CsvRun run = run_csv(header + "\n" + row + "\n" + row + ",1\n");
  CHECK(run.dialect.header.size() == 10'000);
  REQUIRE(run.rows().size() == 1);
  CHECK(run.rows()[0][9'999] == "9999");
  CHECK(the_fault(run).found == "10001 fields");
}

TEST_CASE("csv: line numbers within a block") {
  Block block;
  const std::string text = "a\r\nb\rc\n\n\"d\r\n";
  block.data.assign(text.begin(), text.end());
  block.size = text.size();
  block.line = 10;
  std::vector<std::uint64_t> lines;
  for (std::size_t i = 0; i <= text.size(); ++i) lines.push_back(block.line_of(i));
  CHECK(lines == std::vector<std::uint64_t>{10, 10, 10, 11, 11, 12, 12, 13, 14, 14, 14, 14, 15});
}

TEST_CASE("utf8: the first byte that is wrong") {
  CHECK(find_invalid_utf8("abc") == 3);
  CHECK(find_invalid_utf8("é€😀") == 9);
  for (const std::string bad : {"\x80", "\xC0\xAF", "\xC3", "\xE0\x80\x80", "\xED\xA0\x80", "\xE2\x82", "\xF0\x80\x80\x80",
                                "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF"}) {
    CHECK(find_invalid_utf8("ab" + bad) == 2);
    CHECK_FALSE(is_valid_utf8(("ab" + bad).data(), 2 + bad.size()));
  }
}

TEST_CASE("utf8: both validators agree") {
  std::mt19937 random(14);
  static const std::array<std::string, 10> kPieces{"a", "é", "€", "😀", "\x80", "\xC3", "\xE2", "\xED", "\xF0", "\x9F"};
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (std::size_t i = random() % 12; i > 0; --i) text += kPieces[random() % kPieces.size()];
    CHECK(is_valid_utf8(text.data(), text.size()) == (find_invalid_utf8(text) == text.size()));
  }
}
