#include "pipeline/inputs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "io/input.hpp"
#include "pipeline/notes.hpp"
#include "text.hpp"

namespace crosswalk {
namespace {

constexpr std::size_t kHead = std::size_t{64} << 10;

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
struct Free {
  void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
};

/// Of the first bytes of a file, at most `most` of them; nothing where it cannot be read, which whoever opens it says better.
std::optional<Hash128> hash_of(const std::string& path, std::uint64_t most) {
  const std::unique_ptr<std::FILE, Close> file(std::fopen(path.c_str(), "rbe"));
  const std::unique_ptr<XXH3_state_t, Free> state(XXH3_createState());
  if (!file || !state || XXH3_128bits_reset(state.get()) == XXH_ERROR) return std::nullopt;
  std::vector<char> block(kHead);
  while (most != 0) {
    const std::size_t got =
        std::fread(block.data(), 1, static_cast<std::size_t>(std::min<std::uint64_t>(most, kHead)), file.get());
    if (got == 0) break;
    XXH3_128bits_update(state.get(), block.data(), got);
    most -= got;
  }
  if (std::ferror(file.get()) != 0) return std::nullopt;
  const XXH128_hash_t hash = XXH3_128bits_digest(state.get());
  return Hash128{hash.low64, hash.high64};
}

/// A file that is there, and what is known of its bytes by now.
struct Known {
  std::size_t index = 0;
  std::optional<Hash128> head, whole;
  bool head_tried = false, whole_tried = false;
};

class Repetitions {
 public:
  explicit Repetitions(const std::vector<std::string>& paths) : paths_(paths) {}

  /// The earlier file that this one repeats, and whether it is the same file; nothing: none.
  std::optional<std::pair<std::size_t, bool>> earlier(std::size_t index) {
    const auto id = file_id(paths_[index]);
    if (!id) return std::nullopt;
    const auto [same, fresh] = by_id_.try_emplace(std::pair(id->device, id->inode), index);
    if (!fresh) return std::pair(same->second, true);
    if (id->size == 0) return std::nullopt;
    std::vector<Known>& others = by_size_[id->size];
    Known known;
    known.index = index;
    for (Known& other : others) {
      if (same_bytes(known, other, id->size)) return std::pair(other.index, false);
    }
    others.push_back(known);
    return std::nullopt;
  }

 private:
  bool same_bytes(Known& a, Known& b, std::uint64_t size) {
    for (Known* file : {&a, &b}) {
      if (!std::exchange(file->head_tried, true)) file->head = hash_of(paths_[file->index], kHead);
    }
    if (!a.head || a.head != b.head) return false;
    if (size <= kHead) return true;
    for (Known* file : {&a, &b}) {
      if (!std::exchange(file->whole_tried, true)) file->whole = hash_of(paths_[file->index], size);
    }
    return a.whole && a.whole == b.whole;
  }

  const std::vector<std::string>& paths_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::size_t> by_id_;
  std::map<std::uint64_t, std::vector<Known>> by_size_;
};

}  // namespace

Result<InputList> list_inputs(const std::vector<std::string>& inputs, bool allow_empty) {
  InputList list;
  std::vector<std::string> all;
  for (const std::string& input : inputs) {
    auto some = expand_glob(input);
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
  Repetitions repetitions(all);
  NoteList notes(list.notes);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (const auto earlier = repetitions.earlier(i)) {
      const std::string& other = all[earlier->first];
      notes.add(earlier->second && other == all[i] ? fmt::format("{} is named twice, and read once", all[i])
                : earlier->second                  ? fmt::format("{} is the same file as {}, and read once", all[i], other)
                                  : fmt::format("{} has the same bytes as {}, and is not read again", all[i], other));
      continue;
    }
    list.paths.push_back(all[i]);
  }
  notes.close("inputs that repeat others");
  return list;
}

}  // namespace crosswalk
