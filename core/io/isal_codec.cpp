// gzip by ISA-L. The library inflates; header and trailer of a member (RFC 1952) are read here. Its own reading of a header
// wants the header whole in one buffer (intel/isa-l issue 224), and its errors do not tell a damaged sum from a wrong length.
#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "io/codec.hpp"

namespace crosswalk {
namespace {

const unsigned char* bytes_of(const char* text) { return reinterpret_cast<const unsigned char*>(text); }

std::uint32_t little_endian(const unsigned char* at, std::size_t size) {
  std::uint32_t value = 0;
  while (size > 0) value = value << 8 | at[--size];
  return value;
}

/// The header of a member, taken in pieces of any size. What it says is checked and then forgotten.
class GzipHeader {
 public:
  void begin() { *this = GzipHeader(); }

  /// Takes what belongs to the header; returns how many bytes that were. `bad()` and `whole()` then say where it stands.
  std::size_t take(std::string_view in) {
    std::size_t taken = 0;
    while (!whole() && bad_ == nullptr && taken < in.size()) taken += take_some(in.substr(taken));
    return taken;
  }
  bool whole() const { return part_ == Part::end; }
  const char* bad() const { return bad_; }

 private:
  enum class Part : std::uint8_t { method, rest, extra_size, extra, name, comment, sum, end };
  static constexpr unsigned kSum = 0x02, kExtra = 0x04, kName = 0x08, kComment = 0x10, kReserved = 0xE0;

  std::size_t take_some(std::string_view in) {
    std::size_t count = 0;
    if (part_ == Part::name || part_ == Part::comment) {
      const std::size_t end = in.find('\0');
      count = end == std::string_view::npos ? in.size() : end + 1;
      add_to_sum(in.substr(0, count));
      if (end != std::string_view::npos) go_on();
      return count;
    }
    count = std::min(in.size(), wanted_);
    if (part_ != Part::extra) {
      std::memcpy(held_.data() + held_size_, in.data(), count);
      held_size_ += count;
    }
    if (part_ != Part::sum) add_to_sum(in.substr(0, count));
    wanted_ -= count;
    if (wanted_ == 0) finish_part();
    return count;
  }

  /// All bytes of a part of known size are there.
  void finish_part() {
    if (part_ == Part::method) {  // magic, method, flags
      flags_ = held_[3];
      if (held_[2] != 8)
        bad_ = "unknown compression method";
      else if ((flags_ & kReserved) != 0)
        bad_ = "unknown header flags set";
    } else if (part_ == Part::extra_size) {
      extra_ = little_endian(held_.data(), 2);
    } else if (part_ == Part::sum && little_endian(held_.data(), 2) != (sum_ & 0xFFFFU)) {
      bad_ = "header crc mismatch";
    }
    go_on();
  }

  /// To the next part that this header has.
  void go_on() {
    held_size_ = 0;
    for (;;) {
      part_ = static_cast<Part>(static_cast<unsigned>(part_) + 1);
      switch (part_) {
        case Part::method: return;
        case Part::rest: wanted_ = 6; return;  // time, extra flags, system
        case Part::extra_size:
          wanted_ = 2;
          if ((flags_ & kExtra) != 0) return;
          break;
        case Part::extra:
          wanted_ = extra_;
          if (extra_ != 0) return;
          break;
        case Part::name:
          if ((flags_ & kName) != 0) return;
          break;
        case Part::comment:
          if ((flags_ & kComment) != 0) return;
          break;
        case Part::sum:
          wanted_ = 2;
          if ((flags_ & kSum) != 0) return;
          break;
        case Part::end: return;
      }
    }
  }

  void add_to_sum(std::string_view bytes) { sum_ = crc32_gzip_refl(sum_, bytes_of(bytes.data()), bytes.size()); }

  Part part_ = Part::method;
  std::size_t wanted_ = 4;
  std::array<unsigned char, 8> held_{};
  std::size_t held_size_ = 0;
  unsigned flags_ = 0;
  std::uint32_t extra_ = 0;
  std::uint32_t sum_ = 0;
  const char* bad_ = nullptr;
};

class IsalCodec final : public Codec {
 public:
  IsalCodec() : state_(std::make_unique<inflate_state>()) { isal_inflate_init(state_.get()); }

  bool ready() const override { return true; }
  bool may_begin_member(std::string_view head) const override { return may_begin(head, kGzipMagic); }
  void begin_member() override {
    isal_inflate_reset(state_.get());
    header_.begin();
    trailer_size_ = 0;
    sum_ = 0;
    length_ = 0;
    failed_ = nullptr;
    all_in_ = false;
    all_out_ = false;
  }

  Step step(std::string_view in, char* to, std::size_t size) override {
    Step done;
    if (!header_.whole()) {
      done.consumed = header_.take(in);
      if (header_.bad() != nullptr) done.bad = header_.bad();
      if (!header_.whole() || done.bad) return done;
      in.remove_prefix(done.consumed);
    }
    if (!all_out_) inflate(in, to, size, done);
    if (all_out_) finish(in, done);
    return done;
  }

 private:
  /// Takes `in` and gives to `to`; `in` is then what was not taken.
  void inflate(std::string_view& in, char* to, std::size_t size, Step& done) {
    constexpr std::size_t max_step = std::size_t{1} << 30;  // ISA-L counts in uint32_t
    inflate_state& state = *state_;
    if (failed_ == nullptr) {
      // ISA-L never writes to its input; its interface only lacks the const.
      state.next_in = reinterpret_cast<std::uint8_t*>(const_cast<char*>(in.data()));
      state.avail_in = all_in_ ? 0 : static_cast<std::uint32_t>(std::min(in.size(), max_step));
      state.next_out = reinterpret_cast<std::uint8_t*>(to);
      state.avail_out = static_cast<std::uint32_t>(std::min(size, max_step));
      const std::uint32_t had = state.avail_in;
      const std::uint32_t room = state.avail_out;
      failed_ = words_of(isal_inflate(&state));
      std::size_t taken = had - state.avail_in;
      done.produced = room - state.avail_out;
      if (failed_ == nullptr && had > 0 && taken == 0 && done.produced == 0) failed_ = "invalid block";  // never a hang
      all_out_ = failed_ == nullptr && state.block_state == ISAL_BLOCK_FINISH;
      if (!all_in_ && (all_out_ || state.block_state == ISAL_BLOCK_INPUT_DONE)) {
        all_in_ = true;
        taken -= give_back(taken);
      } else if (failed_ != nullptr) {
        taken -= std::min(taken, bytes_ahead());
      }
      done.consumed += taken;
      in.remove_prefix(taken);
    }
    if (failed_ != nullptr) deliver_rest(to, size, done);
    sum_ = crc32_gzip_refl(sum_, bytes_of(to), done.produced);
    length_ += static_cast<std::uint32_t>(done.produced);
  }

  /// ISA-L reads up to eight bytes ahead; the trailer has eight, so all of them are the trailer's. Those that came with
  /// this step's input are given back, so that places are exact; those of steps before are the trailer's beginning.
  std::size_t give_back(std::size_t taken) {
    const std::size_t ahead = bytes_ahead();
    const std::uint64_t bits = ahead == 0 ? 0 : state_->read_in >> state_->read_in_length % 8;  // the rest of a byte is nothing's
    const std::size_t returned = std::min(ahead, taken);
    trailer_size_ = ahead - returned;
    for (std::size_t i = 0; i < trailer_size_; ++i) trailer_[i] = static_cast<unsigned char>(bits >> (8 * i));
    return returned;
  }

  std::size_t bytes_ahead() const { return static_cast<std::size_t>(std::max(state_->read_in_length, 0)) / 8; }

  /// What was inflated before the damage and did not fit is still in ISA-L's buffer.
  void deliver_rest(char* to, std::size_t size, Step& done) {
    inflate_state& state = *state_;
    const auto left = static_cast<std::size_t>(std::max(state.tmp_out_valid - state.tmp_out_processed, 0));
    const std::size_t count = std::min(left, size - done.produced);
    std::memcpy(to + done.produced, state.tmp_out_buffer + state.tmp_out_processed, count);
    state.tmp_out_processed += static_cast<std::int32_t>(count);
    done.produced += count;
    if (count == left) done.bad = failed_;
  }

  /// The trailer: the sum of the data, and its length modulo 2^32.
  void finish(std::string_view in, Step& done) {
    const std::size_t count = std::min(trailer_.size() - trailer_size_, in.size());
    std::memcpy(trailer_.data() + trailer_size_, in.data(), count);
    trailer_size_ += count;
    done.consumed += count;
    if (trailer_size_ >= 4 && little_endian(trailer_.data(), 4) != sum_) {
      done.consumed -= std::min(trailer_size_ - 4, count);  // the place is that of the sum
      done.bad = "incorrect data check";
    } else if (trailer_size_ == trailer_.size()) {
      if (little_endian(trailer_.data() + 4, 4) != length_) done.bad = "incorrect length check";
      done.member_ended = !done.bad;
    }
  }

  /// As ZlibCodec says it.
  static const char* words_of(int code) {
    switch (code) {
      case ISAL_DECOMP_OK:
      case ISAL_END_INPUT:
      case ISAL_OUT_OVERFLOW: return nullptr;
      case ISAL_INVALID_BLOCK: return "invalid block";
      case ISAL_INVALID_SYMBOL: return "invalid code";
      case ISAL_INVALID_LOOKBACK: return "invalid distance too far back";
      default: return "data error";
    }
  }

  std::unique_ptr<inflate_state> state_;
  GzipHeader header_;
  std::array<unsigned char, 8> trailer_{};
  std::size_t trailer_size_ = 0;
  std::uint32_t sum_ = 0;
  std::uint32_t length_ = 0;
  const char* failed_ = nullptr;  ///< why inflating ended; said once all that came before is delivered
  bool all_in_ = false;           ///< the data were taken to their end; what comes in is the trailer
  bool all_out_ = false;          ///< and were given out
};

}  // namespace

std::unique_ptr<Codec> isal_codec() { return std::make_unique<IsalCodec>(); }

}  // namespace crosswalk
