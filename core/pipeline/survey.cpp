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
  return path != "-" && std::filesystem::is_regular_file(path, failed);
}

/// Runs every record of the reader past the survey.
Result<void> look(const SourceConfig& source, BlockReader reader, TimeSurvey& survey, const Cancelled& cancelled) {
  Normalizer normalizer(source);
  if (auto opened = normalizer.open(); !opened) return opened;
  normalizer.survey(&survey);
  Task task;
  Batch unused;
  std::shared_ptr<const CsvDialect> dialect;
  bool started = false;
  for (;;) {
    if (cancelled && cancelled()) return Error{Errc::io, "interrupted before anything was translated", ""};
    auto more = reader.next(task);
    if (!more) return more.error();
    if (!*more) return {};
    if (!started || task.dialect != dialect) {
      auto begun = task.framing == Framing::csv ? normalizer.start_csv(*task.dialect) : normalizer.start_json();
      if (!begun) return begun;
      dialect = task.dialect;
      started = true;
    }
    unused.clear();
    normalizer.process(task.block, task.file, unused);
  }
}

Result<void> look_at_files(const SourceConfig& source, TimeSurvey& survey, const Cancelled& cancelled) {
  auto first = open_input(source.inputs.front(), cancelled);
  if (!first) return first.error();
  auto bytes = std::make_unique<PeekSource>(std::move(first->bytes));
  return look(source, BlockReader(source, std::move(*first), std::move(bytes), cancelled), survey, cancelled);
}

/// The head alone, as an input of its own. Its last record may be cut; that is nobody's reject here.
Result<void> look_at_head(const SourceConfig& source, std::string_view head, TimeSurvey& survey) {
  SourceConfig first_only = source;
  first_only.inputs.resize(1);
  Input input;
  input.name = first_only.inputs.front();
  auto bytes = std::make_unique<PeekSource>(memory_source(std::string(head)));
  return look(first_only, BlockReader(first_only, std::move(input), std::move(bytes), {}), survey, {});
}

Result<void> find_format(SourceConfig& source, std::string_view head, const Cancelled& cancelled) {
  TimeSurvey survey;
  if (auto looked = look_at_head(source, head, survey); !looked) return {};  // the run itself will say what is wrong
  const auto settled = [](const TimeColumn& column) {
    const auto format = column.conclude();
    return format.ok() && format->form() == TimeFormat::Form::iso;
  };
  if (!settled(survey.column) && std::all_of(source.inputs.begin(), source.inputs.end(), is_file)) {
    survey = TimeSurvey();
    if (auto looked = look_at_files(source, survey, cancelled); !looked) return {};
  }
  if (survey.column.tells_nothing()) return {};  // ISO, then; a value that is no time is rejected as such
  auto format = survey.column.conclude();
  if (!format) {
    const Error& e = format.error();
    return Error{e.code, fmt::format("{}: {}", source.inputs.front(), e.message), e.cure};
  }
  source.time_format = *format;
  return {};
}

}  // namespace

Result<void> survey_times(SourceConfig& source, std::string_view head, bool evidence, const Cancelled& cancelled) {
  if (!source.time_format_given) {
    if (auto found = find_format(source, head, cancelled); !found) return found;
  }
  if (!evidence) return {};
  if (!std::all_of(source.inputs.begin(), source.inputs.end(), is_file)) {
    return Error{Errc::usage,
                 "evidence is gathered before anything is translated, so the inputs are read twice; a pipe cannot be",
                 "give files, or another --disambiguation"};
  }
  EvidenceCollector collector(source.time_format, source.zone);
  TimeSurvey survey;
  survey.evidence = &collector;
  if (auto looked = look_at_files(source, survey, cancelled); !looked) return looked;
  source.evidence = std::make_shared<const Evidence>(collector.conclude());
  return {};
}

std::string name_of(const TimeFormat& format) {
  switch (format.form()) {
    case TimeFormat::Form::iso: return "iso";
    case TimeFormat::Form::epoch_s: return "epoch_s";
    case TimeFormat::Form::epoch_ms: return "epoch_ms";
    case TimeFormat::Form::epoch_us: return "epoch_us";
    case TimeFormat::Form::month_first: return "month_first";
    case TimeFormat::Form::day_first: return "day_first";
    case TimeFormat::Form::rfc2822: return "rfc2822";
    case TimeFormat::Form::pattern: return format.pattern();
  }
  return "";
}

}  // namespace crosswalk
