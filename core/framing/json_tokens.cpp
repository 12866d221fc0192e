// The only file that includes simdjson.
//
// We take its first stage alone, through the interface that its own parsers stand on (it is the same from 1.0 to 4.x),
// since neither of them does what we need: the DOM turns numbers into doubles, and On-Demand checks only what is asked for.
#include "framing/json_tokens.hpp"

#include <simdjson.h>

#include <bit>
#include <new>

#include "framing/framing.hpp"

namespace crosswalk::json {

static_assert(kSlack >= simdjson::SIMDJSON_PADDING);

namespace {

constexpr std::size_t kSmallest = std::size_t{4} << 10;
constexpr std::size_t kLarge = std::size_t{1} << 20;  // costs four times as much in positions

}  // namespace

struct Tokens::Engine {
  std::unique_ptr<simdjson::internal::dom_parser_implementation> stages;

  bool reserve(std::size_t size) {
    if (stages && size <= stages->capacity()) return true;
    const std::size_t capacity = std::bit_ceil(std::max(size, kSmallest));
    constexpr std::size_t kDepth = 1;  // of the stage that is not used
    const simdjson::error_code code =
        stages ? stages->set_capacity(capacity)
               : simdjson::get_active_implementation()->create_dom_parser_implementation(capacity, kDepth, stages);
    if (code == simdjson::MEMALLOC) throw std::bad_alloc();  // of which the record knows nothing
    return code == simdjson::SUCCESS;
  }
};

Tokens::Tokens() : engine_(std::make_unique<Engine>()) {}
Tokens::~Tokens() = default;

bool Tokens::find(std::string_view text) {
  begin_ = end_ = nullptr;
  if (text.empty() || !engine_->reserve(text.size())) return false;
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  simdjson::internal::dom_parser_implementation& stages = *engine_->stages;
  if (stages.stage1(bytes, text.size(), simdjson::stage1_mode::regular) != simdjson::SUCCESS) return false;
  begin_ = stages.structural_indexes.get();
  end_ = begin_ + stages.n_structural_indexes;
  return true;
}

void Tokens::forget_large() {
  if (engine_->stages && engine_->stages->capacity() > kLarge) engine_->stages.reset();
}

}  // namespace crosswalk::json
