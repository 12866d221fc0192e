#include "io/spilled_text.hpp"

namespace crosswalk {
namespace {

constexpr std::size_t kPiece = std::size_t{256} << 10;

}  // namespace

Result<void> SpilledText::add(std::string_view text) {
  end_ += text;
  if (end_.size() < kPiece) return {};
  auto piece = file_.write(end_);
  if (!piece) return piece.error();
  pieces_.push_back(*piece);
  end_.clear();
  return {};
}

Result<void> SpilledText::read(const std::function<Result<void>(std::string_view)>& out) const {
  std::vector<char> bytes;
  for (const SpillFile::Piece& piece : pieces_) {
    if (auto ok = file_.read(piece, bytes); !ok) return ok;
    if (auto ok = out({bytes.data(), bytes.size()}); !ok) return ok;
  }
  return out(end_);
}

}  // namespace crosswalk
