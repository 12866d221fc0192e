#include "pipeline/repetitions.hpp"

#include <algorithm>
#include <memory>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "io/zip.hpp"

namespace crosswalk {
namespace {

constexpr std::size_t kHead = std::size_t{64} << 10;

struct Free {
  void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
};

struct Hashed {
  Hash128 hash;
  bool whole = false;  ///< there is no more
  bool empty = true;
};

/// Of at most `most` bytes of an input; nothing where it cannot be read.
std::optional<Hashed> hash_of(ByteSource& bytes, std::uint64_t most, const Cancelled& cancelled) {
  const std::unique_ptr<XXH3_state_t, Free> state(XXH3_createState());
  if (!state || XXH3_128bits_reset(state.get()) == XXH_ERROR) return std::nullopt;
  std::vector<char> block(kHead);
  Hashed hashed;
  while (most != 0) {
    const auto got = bytes.read(block.data(), static_cast<std::size_t>(std::min<std::uint64_t>(most, kHead)));
    if (!got || (cancelled && cancelled())) return std::nullopt;
    hashed.whole = *got == 0;
    if (hashed.whole) break;
    hashed.empty = false;
    XXH3_128bits_update(state.get(), block.data(), *got);
    most -= *got;
  }
  const XXH128_hash_t hash = XXH3_128bits_digest(state.get());
  hashed.hash = {hash.low64, hash.high64};
  return hashed;
}

}  // namespace

std::string_view Repetitions::Earlier::words() const {
  switch (how) {
    case How::same_file: return "is the same file as";
    case How::same_bytes: return "has the same bytes as";
    case How::same_content: return "holds the same as";
  }
  return "";
}

std::optional<Repetitions::Earlier> Repetitions::look(const std::string& path, Archives& archives) {
  const std::size_t index = all_.size();
  Known& known = all_.emplace_back();
  known.path = path;
  known.archives = &archives;
  const auto member = member_path(path);
  const auto id = file_id(member ? member->archive : path);
  if (!id) return std::nullopt;
  known.size = id->size;
  if (member) {
    const auto archive = archives.open(member->archive);
    const ZipMember* const found = archive ? (*archive)->find(member->member) : nullptr;
    if (found == nullptr) return std::nullopt;
    known.size = found->size;
  }
  const auto [same, fresh] = by_id_.try_emplace({id->device, id->inode, member ? member->member : std::string()}, index);
  if (!fresh) return Earlier{same->second, Earlier::How::same_file};
  if (path == "-" || known.size == 0) return std::nullopt;
  if (!first_) {
    first_ = index;
    return std::nullopt;
  }
  const auto enter = [this](std::size_t at) -> std::vector<std::size_t>* {
    Known& one = all_[at];
    look_at_head(one);
    if (!one.looked) return nullptr;
    return &by_head_[{one.head.low, one.head.high}];
  };
  if (by_head_.empty() && !all_[*first_].looked) {
    if (auto* const alike = enter(*first_)) alike->push_back(*first_);
  }
  std::vector<std::size_t>* const alike = enter(index);
  if (alike == nullptr) return std::nullopt;
  for (const std::size_t other : *alike) {
    Known &a = all_[index], &b = all_[other];
    if (!same_content(a, b)) continue;
    const bool bytes = a.plain && b.plain && a.size == b.size;
    return Earlier{other, bytes ? Earlier::How::same_bytes : Earlier::How::same_content};
  }
  alike->push_back(index);
  return std::nullopt;
}

void Repetitions::look_at_head(Known& one) const {
  auto input = open_input(one.path, cancelled_, one.archives);
  if (!input) return;
  const auto head = hash_of(*input->bytes, kHead, cancelled_);
  if (!head || head->empty) return;
  one.looked = true;
  one.head = head->hash;
  one.whole = head->whole;
  one.plain = (input->compression == "none" || input->compression == "zip") && input->encoding == "utf-8";
}

bool Repetitions::same_content(Known& a, Known& b) const {
  if (a.whole || b.whole) return a.whole && b.whole;
  constexpr std::uint64_t kMark = 3;  // bytes of UTF-8's
  const std::uint64_t more = std::max(a.size, b.size) - std::min(a.size, b.size);
  const bool sizes_tell = a.plain && b.plain && more != 0 && more != kMark;
  if (sizes_tell) return false;
  for (Known* one : {&a, &b}) {
    if (one->tried) continue;
    one->tried = true;
    auto input = open_input(one->path, cancelled_, one->archives);
    const auto all = input ? hash_of(*input->bytes, UINT64_MAX, cancelled_) : std::nullopt;
    if (all) one->all = all->hash;
  }
  return a.all && a.all == b.all;
}

}  // namespace crosswalk
