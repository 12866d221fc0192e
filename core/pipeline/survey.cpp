#include "pipeline/survey.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "normalize/normalizer.hpp"
#include "pipeline/reader.hpp"

namespace crosswalk {
namespace {

bool is_file(const std::string& path) {
  std::error_code failed;
  return path != "-" && std::filesystem::is_regular_file(file_of(path), failed);
}

constexpr std::size_t kHead = std::size_t{64} << 10;  // of every input but the first

/// Runs every record of the reader past the survey.
Result<void> look(const SourceConfig& source, BlockReader reader, Survey& survey, const Cancelled& cancelled) {
  Normalizer normalizer(source);
  if (auto opened = normalizer.open(); !opened) return opened;
  normalizer.survey(&survey);
  Task task;
  Batch unused;
  std::shared_ptr<const CsvDialect> dialect;
  std::uint32_t file = UINT32_MAX;
  for (;;) {
    if (cancelled && cancelled()) return Error{Errc::io, "interrupted before anything was translated", ""};
    auto more = reader.next(task);
    if (!more) return more.error();
    if (!*more) return {};
    const bool next_file = task.file != file;
    if (next_file || task.dialect != dialect) {
      auto begun = task.framing == Framing::csv ? normalizer.start_csv(*task.dialect) : normalizer.start_json();
      if (!begun) return begun;
      dialect = task.dialect;
    }
    if (next_file) survey.column.start(source.inputs[task.file]);
    file = task.file;
    unused.clear();
    normalizer.process(task.block, task.file, unused);
  }
}

Result<void> look_at_files(const SourceConfig& source, Survey& survey, const Cancelled& cancelled) {
  auto first = open_input(source.inputs.front(), cancelled, source.archives.get());
  if (!first) return first.error();
  auto bytes = std::make_unique<PeekSource>(std::move(first->bytes));
  return look(source, BlockReader(source, std::move(*first), std::move(bytes), cancelled), survey, cancelled);
}

/// A head alone, as an input of its own. Its last record may be cut; that is nobody's reject here.
Result<void> look_at_head(const SourceConfig& source, const std::string& name, std::string_view head, Survey& survey) {
  SourceConfig alone = source;
  alone.inputs = {name};
  Input input;
  input.name = name;
  auto bytes = std::make_unique<PeekSource>(memory_source(std::string(head)));
  return look(alone, BlockReader(alone, std::move(input), std::move(bytes), {}), survey, {});
}

/// The heads of all inputs: the first one's is known, of a pipe behind it there is none yet.
Result<void> look_at_heads(const SourceConfig& source, std::string_view first, Survey& survey, const Cancelled& cancelled) {
  if (auto looked = look_at_head(source, source.inputs.front(), first, survey); !looked) return looked;
  for (std::size_t i = 1; i < source.inputs.size(); ++i) {
    const std::string& name = source.inputs[i];
    if (!is_file(name)) continue;
    auto input = open_input(name, cancelled, source.archives.get());
    if (!input) return input.error();
    PeekSource bytes(std::move(input->bytes));
    auto head = bytes.peek(kHead);
    if (!head) return head.error();
    if (auto looked = look_at_head(source, name, *head, survey); !looked) return looked;
  }
  return {};
}

/// Takes what the survey says of times.
Result<void> settle_format(SourceConfig& source, const TimeColumn& column) {
  if (column.tells_nothing()) return {};  // ISO, then; a value that is no time is rejected as such
  auto format = column.conclude();
  if (!format) {
    const Error& e = format.error();
    return Error{e.code, fmt::format("{}: {}", source.inputs.front(), e.message), e.cure};
  }
  source.time_format = *format;
  source.time_format.read_other_forms();
  return {};
}

/// Takes what the survey says of numbers: by field, and what all fields that prove something agree on.
void settle_numbers(SourceConfig& source, const Survey& survey) {
  source.customers_are_numbers = survey.customers_are_numbers;
  if (source.decimal_given) return;
  bool point = false, comma = false;
  for (const auto& [field, numbers] : survey.numbers) {
    point |= numbers.point;
    comma |= numbers.comma;
    if (!numbers.point && !numbers.comma) continue;
    source.decimal_of[field] = numbers.point && numbers.comma ? DecimalMark::both
                               : numbers.point                ? DecimalMark::point
                                                              : DecimalMark::comma;
  }
  if (point != comma) source.decimal = point ? DecimalMark::point : DecimalMark::comma;
}

/// Whether there is a field whose numbers show nothing for certain by now.
bool numbers_are_open(const Survey& survey) {
  const auto is_open = [](const auto& field) { return field.second.ambiguous && !field.second.point && !field.second.comma; };
  return std::any_of(survey.numbers.begin(), survey.numbers.end(), is_open);
}

Result<void> look_at_values(SourceConfig& source, std::string_view head, const Cancelled& cancelled) {
  Survey survey;
  if (auto looked = look_at_heads(source, head, survey, cancelled); !looked) return {};  // the run itself will say what is wrong
  const bool certain =
      (source.time_format_given || survey.column.is_certain()) && (source.decimal_given || !numbers_are_open(survey));
  if (!certain && std::all_of(source.inputs.begin(), source.inputs.end(), is_file)) {
    survey = Survey();
    if (auto looked = look_at_files(source, survey, cancelled); !looked) return {};
  }
  settle_numbers(source, survey);
  return source.time_format_given ? Result<void>() : settle_format(source, survey.column);
}

}  // namespace

Result<void> survey_values(SourceConfig& source, std::string_view head, bool evidence, const Cancelled& cancelled) {
  if (auto found = look_at_values(source, head, cancelled); !found) return found;
  if (!evidence) return {};
  if (!std::all_of(source.inputs.begin(), source.inputs.end(), is_file)) {
    return Error{Errc::usage,
                 "evidence is gathered before anything is translated, so the inputs are read twice; a pipe cannot be",
                 "give files, or another --disambiguation"};
  }
  EvidenceCollector collector(source.time_format, source.zone);
  Survey survey;
  survey.evidence = &collector;
  if (auto looked = look_at_files(source, survey, cancelled); !looked) return looked;
  source.evidence = std::make_shared<const Evidence>(collector.conclude());
  return {};
}

std::string name_of(const TimeFormat& format) {
  if (format.order() != TimeFormat::Form::iso && format.order() != format.form()) {
    return name_of(TimeFormat(format.form())) + ", " + name_of(TimeFormat(format.order()));
  }
  switch (format.form()) {
    case TimeFormat::Form::iso: return "iso";
    case TimeFormat::Form::epoch_s: return "epoch_s";
    case TimeFormat::Form::epoch_ms: return "epoch_ms";
    case TimeFormat::Form::epoch_us: return "epoch_us";
    case TimeFormat::Form::epoch_ns: return "epoch_ns";
    case TimeFormat::Form::month_first: return "month_first";
    case TimeFormat::Form::day_first: return "day_first";
    case TimeFormat::Form::rfc2822: return "rfc2822";
    case TimeFormat::Form::pattern: return format.pattern();
  }
  return "";
}

}  // namespace crosswalk
