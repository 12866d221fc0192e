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

/// Runs records past the survey. One for all inputs: to set it up costs more than the head of an input.
class Looker {
 public:
  Looker(const SourceConfig& source, Survey& survey, const Cancelled& cancelled)
      : source_(source), survey_(survey), cancelled_(cancelled), normalizer_(source) {}

  Result<void> open() {
    auto opened = normalizer_.open();
    normalizer_.survey(&survey_);
    return opened;
  }

  /// All that `reader` has. It reads for `inputs`, which has the names.
  Result<void> look(BlockReader reader, const std::vector<std::string>& inputs, const Cancelled& cancelled) {
    std::shared_ptr<const CsvDialect> dialect;
    std::uint32_t file = UINT32_MAX;
    for (;;) {
      if (cancelled && cancelled()) return Error{Errc::io, "interrupted before anything was translated", ""};
      auto more = reader.next(task_);
      if (!more) return more.error();
      if (!*more) return {};
      const bool next_file = task_.file != file;
      if (next_file || task_.dialect != dialect) {
        auto begun = task_.framing == Framing::csv ? normalizer_.start_csv(*task_.dialect) : normalizer_.start_json();
        if (!begun) return begun;
        dialect = task_.dialect;
      }
      if (next_file) survey_.column.start(inputs[task_.file]);
      file = task_.file;
      unused_.clear();
      normalizer_.process(task_.block, task_.file, unused_);
    }
  }

  /// All inputs, whole.
  Result<void> look_at_files() {
    auto first = open_input(source_.inputs.front(), cancelled_, source_.archives.get());
    if (!first) return first.error();
    auto bytes = std::make_unique<PeekSource>(std::move(first->bytes));
    return look(BlockReader(source_, std::move(*first), std::move(bytes), cancelled_), source_.inputs, cancelled_);
  }

  /// The heads of all inputs: the first one's is known, of a pipe behind it there is none yet. True: they were all there is.
  Result<bool> look_at_heads(std::string_view first) {
    SourceConfig alone = source_;  // whose only input is the head
    if (auto looked = look_at_head(alone, source_.inputs.front(), first); !looked) return looked.error();
    bool all = first.size() < kFirstHead;
    for (std::size_t i = 1; i < source_.inputs.size(); ++i) {
      const std::string& name = source_.inputs[i];
      if (!is_file(name)) {
        all = false;
        continue;
      }
      if (cancelled_ && cancelled_()) return Error{Errc::io, "interrupted before anything was translated", ""};
      auto input = open_input(name, cancelled_, source_.archives.get());
      if (!input) return input.error();
      PeekSource bytes(std::move(input->bytes));
      auto head = bytes.peek(kHead);
      if (!head) return head.error();
      all &= head->size() < kHead;
      if (auto looked = look_at_head(alone, name, *head); !looked) return looked.error();
    }
    return all;
  }

 private:
  /// A head alone, as an input of its own. Its last record may be cut; that is nobody's reject here.
  Result<void> look_at_head(SourceConfig& alone, const std::string& name, std::string_view head) {
    alone.inputs = {name};
    Input input;
    input.name = name;
    auto bytes = std::make_unique<PeekSource>(memory_source(std::string(head)));
    return look(BlockReader(alone, std::move(input), std::move(bytes), {}), alone.inputs, {});
  }

  const SourceConfig& source_;
  Survey& survey_;
  const Cancelled& cancelled_;
  Normalizer normalizer_;
  Task task_;
  Batch unused_;
};

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

/// Takes what the survey says of numbers: by field, and, once all is looked at, what all fields that prove something agree on.
void settle_numbers(SourceConfig& source, const Survey& survey, bool whole) {
  source.customers_are_numbers = survey.customers_are_numbers;
  source.numbers_are_known = whole;
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
  if (whole && point != comma) source.decimal = point ? DecimalMark::point : DecimalMark::comma;
}

Result<void> look_at_values(SourceConfig& source, std::string_view head, const Cancelled& cancelled) {
  // Where something is wrong, the run itself will say so.
  Survey survey;
  Looker heads(source, survey, cancelled);
  if (!heads.open()) return {};
  const auto all = heads.look_at_heads(head);
  if (!all) return {};
  bool whole = *all;
  // Numbers with separators in the heads are settled by all that there are, as orders of day and month are. Without any, a
  // later one is read if it shows by itself what it is.
  const bool certain =
      (source.time_format_given || survey.column.is_certain()) && (source.decimal_given || survey.numbers.empty());
  if (!whole && !certain && std::all_of(source.inputs.begin(), source.inputs.end(), is_file)) {
    survey = Survey();
    Looker files(source, survey, cancelled);
    if (!files.open() || !files.look_at_files()) return {};
    whole = true;
  }
  settle_numbers(source, survey, whole);
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
  Looker files(source, survey, cancelled);
  if (auto opened = files.open(); !opened) return opened;
  if (auto looked = files.look_at_files(); !looked) return looked;
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
