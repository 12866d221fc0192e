#include "pipeline/inputs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "io/input.hpp"
#include "io/zip.hpp"
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
  Repetitions(const std::vector<InputPath>& paths, Archives& archives, const Cancelled& cancelled)
      : paths_(paths), archives_(archives), cancelled_(cancelled) {}

  /// The earlier file that this one repeats, and whether it is the same file; nothing: none.
  std::optional<std::pair<std::size_t, bool>> earlier(std::size_t index) {
    if (const auto member = member_path(paths_[index].path)) return earlier_member(index, *member);
    const auto id = file_id(paths_[index].path);
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
      if (!std::exchange(file->head_tried, true)) file->head = hash_of(paths_[file->index].path, kHead);
    }
    if (!a.head || a.head != b.head) return false;
    if (size <= kHead) return true;
    for (Known* file : {&a, &b}) {
      if (!std::exchange(file->whole_tried, true)) file->whole = hash_of(paths_[file->index].path, size);
    }
    return a.whole && a.whole == b.whole;
  }

  /// The directory of an archive says what may be equal; the bytes decide.
  std::optional<std::pair<std::size_t, bool>> earlier_member(std::size_t index, const MemberPath& path) {
    const auto id = file_id(path.archive);
    const auto archive = archives_.open(path.archive);
    const ZipMember* member = archive ? (*archive)->find(path.member) : nullptr;
    if (!id || member == nullptr) return std::nullopt;
    const auto [same, fresh] = members_.try_emplace(std::tuple(id->device, id->inode, path.member), index);
    if (!fresh) return std::pair(same->second, true);
    std::vector<Known>& others = by_sum_[{member->size, member->crc}];
    Known known;
    known.index = index;
    for (Known& other : others) {
      for (Known* one : {&known, &other}) {
        if (!std::exchange(one->whole_tried, true)) one->whole = hash_of_input(one->index);
      }
      if (known.whole && known.whole == other.whole) return std::pair(other.index, false);
    }
    others.push_back(known);
    return std::nullopt;
  }

  std::optional<Hash128> hash_of_input(std::size_t index) {
    auto input = open_input(paths_[index].path, {}, &archives_);
    const std::unique_ptr<XXH3_state_t, Free> state(XXH3_createState());
    if (!input || !state || XXH3_128bits_reset(state.get()) == XXH_ERROR) return std::nullopt;
    std::vector<char> block(kHead);
    for (;;) {
      const auto got = input->bytes->read(block.data(), block.size());
      if (!got || (cancelled_ && cancelled_())) return std::nullopt;
      if (*got == 0) break;
      XXH3_128bits_update(state.get(), block.data(), *got);
    }
    const XXH128_hash_t hash = XXH3_128bits_digest(state.get());
    return Hash128{hash.low64, hash.high64};
  }

  const std::vector<InputPath>& paths_;
  Archives& archives_;
  const Cancelled& cancelled_;
  std::map<std::tuple<std::uint64_t, std::uint64_t, std::string>, std::size_t> members_;
  std::map<std::pair<std::uint64_t, std::uint32_t>, std::vector<Known>> by_sum_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::size_t> by_id_;
  std::map<std::uint64_t, std::vector<Known>> by_size_;
};

}  // namespace

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
  Repetitions repetitions(all, archives, cancelled);
  NoteList notes(list.notes);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i != 0 && cancelled && cancelled()) return Error{Errc::io, "interrupted before anything was translated", ""};
    if (const auto earlier = repetitions.earlier(i)) {
      const std::string &path = all[i].path, &other = all[earlier->first].path;
      notes.add(earlier->second && other == path ? fmt::format("{} is named twice, and read once", path)
                : earlier->second                ? fmt::format("{} is the same file as {}, and read once", path, other)
                                  : fmt::format("{} has the same bytes as {}, and is not read again", path, other));
      continue;
    }
    list.paths.push_back(all[i].path);
  }
  notes.close("inputs that repeat others");
  return list;
}

}  // namespace crosswalk
