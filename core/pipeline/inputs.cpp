#include "pipeline/inputs.hpp"

#include <fmt/format.h>

#include "io/input.hpp"
#include "pipeline/notes.hpp"
#include "pipeline/repetitions.hpp"

namespace crosswalk {
Result<InputList> list_inputs(const std::vector<std::string>& inputs, bool allow_empty, Archives& archives,
                              const ChooseMembers& choose, const Cancelled& cancelled) {
  InputList list;
  std::vector<InputPath> all;
  for (const std::string& input : inputs) {
    auto some = expand_input(input, archives, list.notes);
    if (some) {
      all.insert(all.end(), some->begin(), some->end());
    } else if (allow_empty && matches_nothing(some.error())) {
      list.notes.push_back(some.error().message);
    } else {
      return some.error();
    }
  }
  if (inputs.empty()) return Error{Errc::usage, "no input given", "name files, globs, or - for standard input"};
  if (all.empty()) {
    list.none = true;
    list.paths.push_back(inputs.front());
    return list;
  }
  if (choose) {
    if (auto ok = choose(all, list.notes); !ok) return ok.error();
  }
  Repetitions repetitions(cancelled);
  NoteList notes(list.notes);
  for (const InputPath& input : all) {
    if (&input != &all.front() && cancelled && cancelled())
      return Error{Errc::io, "interrupted before anything was translated", ""};
    const std::string& path = input.path;
    const auto earlier = repetitions.look(path, archives);
    if (!earlier) {
      list.paths.push_back(path);
      continue;
    }
    const std::string& other = all[earlier->index].path;
    if (earlier->how != Repetitions::Earlier::How::same_file) {
      notes.add(fmt::format("{} {} {}, and is not read again", path, earlier->words(), other));
    } else if (other == path) {
      notes.add(fmt::format("{} is named twice, and read once", path));
    } else {
      notes.add(fmt::format("{} is the same file as {}, and read once", path, other));
    }
  }
  notes.close("inputs that repeat others");
  return list;
}

}  // namespace crosswalk
