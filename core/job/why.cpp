// From a conversation of the output, or a record of the input, back to the records and rules that made it: by running the
// sources again under observation. Nothing is recorded during a run.
#include "job/why.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <mutex>
#include <set>

#include "guarded.hpp"
#include "job/reading.hpp"
#include "text.hpp"

namespace crosswalk {
namespace {

/// A place that was asked for.
struct AskedPlace {
  std::string file;
  std::uint64_t line = 0;
  std::optional<std::uint64_t> offset;
};

/// Records of one source that are wanted: by place, by line, or, of those that are left out, by external_id.
class Wanted final : public RecordObserver {
 public:
  RecordReports reports;  ///< places put here beforehand are wanted

  std::set<std::string, std::less<>> ids;  ///< as left out
  std::set<std::uint32_t> files;           ///< in which the place is
  AskedPlace place;
  std::optional<std::uint64_t> before, after;  ///< lines of the records next to it

  bool wants(std::uint32_t file, std::uint64_t line, std::uint64_t offset, std::string_view raw) override {
    const std::lock_guard lock(mutex_);
    if (reports.contains({file, offset})) return true;
    return files.contains(file) && is_there(line, last_line_of(line, raw), offset);
  }
  void take(RecordReport&& report) override {
    const std::lock_guard lock(mutex_);
    const auto known = reports.find({report.file, report.offset});
    const bool here = files.contains(report.file) && is_there(report.line, report.last_line, report.offset);
    if (known == reports.end() && !here && (report.external_id.empty() || !ids.contains(report.external_id))) return;
    reports.insert_or_assign({report.file, report.offset}, std::move(report));
  }

 private:
  bool is_there(std::uint64_t line, std::uint64_t last_line, std::uint64_t offset) {
    if (place.offset) return offset == *place.offset && line == place.line;
    if (line < place.line) before = std::max(before.value_or(0), line);
    if (line > place.line) after = std::min(after.value_or(UINT64_MAX), line);
    return line <= place.line && place.line <= last_line;
  }
  std::mutex mutex_;
};

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  return ec == std::errc() && end == text.data() + text.size() && !text.empty() ? std::optional(value) : std::nullopt;
}

/// What FILE:LINE or FILE:LINE:BYTE may mean; a file may have such an end itself.
std::vector<AskedPlace> readings_of_place(const std::string& text) {
  std::vector<AskedPlace> readings;
  const std::size_t last = text.rfind(':');
  if (last == std::string::npos) return readings;
  const auto second = number_of(std::string_view(text).substr(last + 1));
  if (!second) return readings;
  readings.push_back({text.substr(0, last), *second, std::nullopt});
  const std::size_t middle = last == 0 ? std::string::npos : text.rfind(':', last - 1);
  if (middle == std::string::npos) return readings;
  if (const auto first = number_of(std::string_view(text).substr(middle + 1, last - middle - 1))) {
    readings.push_back({text.substr(0, middle), *first, *second});
  }
  return readings;
}

bool is_field(std::string_view name) {
  const auto all = fields_to_explain();
  return name.starts_with("metadata.") || name == "external_id" ||
         std::any_of(all.begin(), all.end(), [&](Target target) { return name_of(target) == name; });
}

class Explainer {
 public:
  Explainer(const Job& job, AdapterCatalog& catalog, const JobHooks& hooks) : job_(job), catalog_(catalog), hooks_(hooks) {
    for (std::size_t i = 0; i < job.sources.size(); ++i) wanted_.push_back(std::make_unique<Wanted>());
  }

  Result<std::vector<Why>> explain(const WhyAsk& ask) {
    JobReading reading(job_, catalog_, hooks_, job_count(0), {});
    if (auto ok = reading.prepare(); !ok) return ok.error();
    const bool by_place = !ask.record.empty();
    if (by_place) {
      if (auto ok = find_file(ask.record, reading); !ok) return ok.error();
    } else {
      for (std::size_t at = ask.what.size(); at != std::string::npos && at > 0; at = ask.what.rfind('.', at - 1)) {
        for (const auto& wanted : wanted_) wanted->ids.insert(ask.what.substr(0, at));
      }
    }
    merger_ = reading.merger();
    merger_->keep_linked();
    if (auto ok = read_all(reading, *merger_); !ok) return ok.error();
    if (auto ok = merger_->link([this] { return hooks_.cancelled && hooks_.cancelled(); }); !ok) return ok.error();
    return by_place ? explain_place(ask.record) : explain_id(ask.what);
  }

 private:
  Result<void> read_all(JobReading& reading, Merger& merger) {
    for (std::size_t i = 0; i < job_.sources.size(); ++i) {
      reading.configs()[i]->observer = wanted_[i].get();
      Books books;
      Summary summary;
      if (auto ok = reading.read(i, merger, books, summary, [](std::string_view) { return Result<void>(); }); !ok) return ok;
    }
    return {};
  }

  /// The sources that read the file of a place.
  Result<void> find_file(const std::string& text, const JobReading& reading) {
    const std::vector<AskedPlace> readings = readings_of_place(text);
    if (readings.empty()) { return Error{Errc::usage, fmt::format("\"{}\" is no place", shown(text)), "--record FILE:LINE"}; }
    std::vector<std::string> inputs;
    bool found = false;
    for (std::size_t s = 0; s < wanted_.size(); ++s) {
      const std::vector<std::string>& files = reading.configs()[s]->inputs;
      inputs.insert(inputs.end(), files.begin(), files.end());
      for (std::uint32_t f = 0; f < files.size(); ++f) {
        for (const AskedPlace& place : readings) {
          std::error_code failed;
          if (files[f] != place.file && !std::filesystem::equivalent(files[f], place.file, failed)) continue;
          wanted_[s]->files.insert(f);
          wanted_[s]->place = place;
          found = true;
        }
      }
    }
    if (found) return {};
    const std::string_view near = nearest(readings.front().file, inputs);
    return Error{Errc::usage, fmt::format("{}: this is no input of the job", shown(readings.front().file, 400)),
                 near.empty() ? "the job's inputs are: " + listed(inputs) : fmt::format("did you mean {}?", near)};
  }

  static std::string listed(const std::vector<std::string>& names) {
    constexpr std::size_t kMost = 10;
    std::string all;
    for (std::size_t i = 0; i < names.size() && i < kMost; ++i) all += (i == 0 ? "" : ", ") + names[i];
    return all + (names.size() > kMost ? ", …" : "");
  }

  Result<std::vector<Why>> explain_place(const std::string& text) {
    std::vector<Why> all;
    Wanted* some = nullptr;
    std::vector<RecordReports> found;
    for (const auto& wanted : wanted_) {
      if (!wanted->files.empty()) some = wanted.get();
      found.push_back(wanted->reports);
    }
    for (std::uint32_t s = 0; s < found.size(); ++s) {
      if (found[s].size() > 1) return several_records(found[s]);
      if (found[s].empty()) continue;
      const RecordReport asked = found[s].begin()->second;
      auto one = tell(asked.external_id, "", "", &asked, s);
      if (!one) return one.error();
      all.push_back(std::move(*one));
    }
    if (!all.empty()) return all;
    std::string near;
    if (some->before) near = fmt::format("the record before it begins in line {}", *some->before);
    if (some->after) near += fmt::format("{}the one behind it in line {}", near.empty() ? "" : ", ", *some->after);
    return Error{Errc::usage, fmt::format("{}: no record stands there", shown(text, 400)), near};
  }

  static Error several_records(const RecordReports& reports) {
    const RecordReport& first = reports.begin()->second;
    std::string offsets;
    constexpr std::size_t kMost = 5;
    std::size_t n = 0;
    for (const auto& [place, report] : reports) {
      if (n++ < kMost) offsets += fmt::format("{}{}", offsets.empty() ? "" : ", ", place.second);
    }
    return {Errc::usage, fmt::format("{} records stand in line {}", grouped(reports.size()), first.line),
            fmt::format("--record FILE:LINE:BYTE; they begin at the bytes {}{}", offsets, n > kMost ? ", …" : "")};
  }

  /// An external_id may hold dots: the whole first, then what stands before the name of a field.
  Result<std::vector<Why>> explain_id(const std::string& what) {
    for (std::size_t at = what.size(); at != std::string::npos && at > 0; at = what.rfind('.', at - 1)) {
      const std::string field = at == what.size() ? "" : what.substr(at + 1);
      if (!field.empty() && !is_field(field)) continue;
      auto there = explain_one(what.substr(0, at), field);
      if (!there) return there.error();
      if (*there) return std::vector<Why>{std::move(**there)};
    }
    // An id may be right and the field behind its dot misspelt.
    for (std::size_t at = what.rfind('.'); at != std::string::npos && at > 0; at = what.rfind('.', at - 1)) {
      auto there = explain_one(what.substr(0, at), "");
      if (!there) return there.error();
      if (*there) return no_such_field(**there, what.substr(at + 1));
    }
    return Error{Errc::usage, fmt::format("no conversation of this job has the external_id \"{}\"", shown(what)),
                 job_.external_id.empty()
                     ? "give an id as it stands in the output, with a field behind a dot if wanted"
                     : fmt::format("ids are made by the template {}; of a record whose id is not known, ask by its place: "
                                   "--record FILE:LINE",
                                   job_.external_id)};
  }

  Result<std::optional<Why>> explain_one(const std::string& id, const std::string& field) {
    const std::string_view survivor = merger_->survivor(id);
    const std::string external_id(survivor.empty() ? std::string_view(id) : survivor);
    const bool left_out = std::any_of(wanted_.begin(), wanted_.end(), [&](const auto& wanted) {
      return std::any_of(wanted->reports.begin(), wanted->reports.end(),
                         [&](const auto& one) { return one.second.external_id == external_id; });
    });
    MergeReport unused;
    auto there = merger_->explain(external_id, unused, [](const GroupStates&) {});
    if (!there) return there.error();
    if (!*there && !left_out) return std::optional<Why>();
    auto why = tell(id, id, field, nullptr, 0);
    if (!why) return why.error();
    if (field.empty() || why->fields.empty()) return std::optional(std::move(*why));
    Why only = *why;
    std::erase_if(only.fields, [&](const WhyField& one) { return one.name != field; });
    if (only.fields.empty()) return no_such_field(*why, field);
    return std::optional(std::move(only));
  }

  static Error no_such_field(const Why& why, const std::string& field) {
    std::vector<std::string> names;
    for (const WhyField& one : why.fields) names.push_back(one.name);
    const std::string_view near = nearest(field, names);
    return {Errc::usage, fmt::format("conversation {} has no field \"{}\"", shown(why.external_id), shown(field)),
            near.empty() ? std::string("ask for the conversation alone to see all it has")
                         : fmt::format("did you mean \"{}\"?", shown(near))};
  }

  /// Reads the records of a conversation once more, for what their fields became, and puts it all into words.
  /// `field`: what of it was asked for; empty: all.
  Result<Why> tell(const std::string& id, const std::string& asked_id, std::string_view field, const RecordReport* asked,
                   std::uint32_t asked_source) {
    Why why;
    const std::string_view survivor = merger_->survivor(id);
    why.external_id = survivor.empty() ? std::string_view(id) : survivor;
    MergeReport merge;
    auto known = merger_->explain(why.external_id, merge, [&](const GroupStates& group) {
      for (std::size_t i = 0; i < group.states().size(); ++i) {
        for (const Contribution& c : group.of(i)) {
          RecordReport& wanted = wanted_[c.source]->reports[{c.origin.file, c.origin.offset}];
          wanted.external_id = c.conversation.external_id;
        }
      }
    });
    if (!known) return known.error();
    if (auto ok = read_again(); !ok) return ok.error();
    std::vector<RecordReports> reports;
    for (const auto& wanted : wanted_) reports.push_back(wanted->reports);
    WhySources from{job_, *merger_, reports};
    from.asks_id = field == name_of(Target::external_id);
    const auto finish = [&] {
      tell_records(from, why.external_id, asked, asked_source, why);
      if (from.merge != nullptr) why.fate = name_of(from.merge->fate);
      if (!why.external_id.empty()) why.rule = tell_id(from, asked_id, why);
      if (from.merge != nullptr) tell_fields(from, why);
    };
    if (!*known) {
      finish();
      return why;
    }
    MergeReport again;
    auto told = merger_->explain(why.external_id, again, [&](const GroupStates& group) {
      from.group = &group;
      from.merge = &again;
      finish();
    });
    if (!told) return told.error();
    return why;
  }

  /// The sources that hold wanted records.
  Result<void> read_again() {
    JobReading reading(job_, catalog_, hooks_, 1, {});
    if (auto ok = reading.prepare(); !ok) return ok.error();
    const std::unique_ptr<Merger> unused = reading.merger();
    for (std::size_t i = 0; i < job_.sources.size(); ++i) {
      if (wanted_[i]->reports.empty()) continue;
      reading.configs()[i]->observer = wanted_[i].get();
      Books books;
      Summary summary;
      if (auto ok = reading.read(i, *unused, books, summary, [](std::string_view) { return Result<void>(); }); !ok) return ok;
    }
    return {};
  }

  const Job& job_;
  AdapterCatalog& catalog_;
  const JobHooks& hooks_;
  std::vector<std::unique_ptr<Wanted>> wanted_;  // by source
  std::unique_ptr<Merger> merger_;
};

}  // namespace

static Result<std::vector<Why>> explain_job_or_throw(const Job& job, AdapterCatalog& catalog, const WhyAsk& ask,
                                                     const JobHooks& hooks) {
  for (const JobSource& source : job.sources) {
    if (std::find(source.inputs.begin(), source.inputs.end(), "-") == source.inputs.end()) continue;
    return Error{Errc::usage, fmt::format("source \"{}\" reads standard input, which cannot be read again", source.name),
                 "name files in the job"};
  }
  return Explainer(job, catalog, hooks).explain(ask);
}

Result<std::vector<Why>> explain_job(const Job& job, AdapterCatalog& catalog, const WhyAsk& ask, const JobHooks& hooks) {
  return guarded([&] { return explain_job_or_throw(job, catalog, ask, hooks); });
}

}  // namespace crosswalk
