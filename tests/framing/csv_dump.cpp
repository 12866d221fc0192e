// Frames many small CSV inputs and prints what came out, for the judge (csv_judge.py).
//
// Standard input: for each case a line "delimiter target chunk max_record kernel quotes max_lines short_rows length" and that
// many bytes. Standard output: one JSON object per case; all text from the input is in hex, so that nothing is ambiguous.
#include <cstdio>
#include <iostream>
#include <string>

#include "csv_testing.hpp"
#include "framing/csv_kernels.hpp"

namespace {

using crosswalk::testing::CsvEvent;

std::string hex(std::string_view bytes) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string text = "\"";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text + '"';
}

std::string hex_list(const std::vector<std::string>& items) {
  std::string text = "[";
  for (const std::string& item : items) text += (text.size() > 1 ? "," : "") + hex(item);
  return text + "]";
}

std::string place(const CsvEvent& event) {
  return std::to_string(event.offset) + "," + std::to_string(event.line) + "," + std::to_string(event.size) + "," +
         hex(event.text);
}

std::string to_json(const CsvEvent& event) {
  switch (event.kind) {
    case CsvEvent::Kind::record: return "[\"record\"," + place(event) + "," + hex_list(event.fields) + "]";
    case CsvEvent::Kind::fault: return "[\"fault\"," + place(event) + ",\"" + event.code + "\"]";
    case CsvEvent::Kind::repeated_header: return "[\"header\"," + place(event) + "]";
    case CsvEvent::Kind::blank_row: return "[\"blank\"," + place(event) + "]";
    case CsvEvent::Kind::unusual: return "[\"unusual\"," + place(event) + ",\"" + event.code + "\"]";
  }
  return "";
}

void use_kernel_named(const std::string& name) {
  crosswalk::csv::use_kernel(nullptr);
  for (const auto& kernel : crosswalk::csv::kernels()) {
    if (name == kernel.name) crosswalk::csv::use_kernel(&kernel);
  }
}

}  // namespace

int main() {
  std::ios::sync_with_stdio(false);
  crosswalk::testing::CsvSetup setup;
  std::string kernel, quotes;
  std::size_t length = 0;
  int delimiter = 0;  // its code
  crosswalk::CsvOptions& options = setup.options;
  while (std::cin >> delimiter >> setup.target >> setup.chunk >> options.limits.max_record >> kernel >> quotes >>
         options.max_lines_in_field >> options.short_rows >> length) {
    using crosswalk::CsvQuotes;
    options.delimiter = static_cast<char>(delimiter);
    options.quotes = quotes == "backslash" ? CsvQuotes::backslash : quotes == "none" ? CsvQuotes::none : CsvQuotes::rfc4180;
    std::cin.get();
    std::string bytes(length, '\0');
    std::cin.read(bytes.data(), static_cast<std::streamsize>(length));
    use_kernel_named(kernel);
    const auto run = crosswalk::testing::run_csv(bytes, setup);
    std::cout << "{\"error\":" << hex(run.error) << ",\"header\":" << hex_list(run.dialect.header)
              << ",\"line\":" << run.dialect.header_line << ",\"irregular\":" << run.irregular
              << ",\"rows_inside\":" << run.rows_inside << ",\"events\":[";
    bool first = true;
    for (const CsvEvent& event : run.events) {
      std::cout << (first ? "" : ",") << to_json(event);
      first = false;
    }
    std::cout << "]}\n";
  }
  return 0;
}
