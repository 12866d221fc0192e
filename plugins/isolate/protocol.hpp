// What the host and an isolated adapter's process say to each other, and where it stands.
//
// Two shared mappings. The host alone can write to the first one: orders. The process writes to the second: answers, which the
// host copies before it believes them, and believes only what it has checked. A socket between the two carries no data: a byte
// wakes the other side, its end says that the other side is gone.
//
// Orders are of two sorts. A letter (open, bind) is answered before anything else is asked; there is one at a time. Records
// stand one behind the other and are worked through in that order, several at a time, until the host begins anew with
// the next epoch.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace crosswalk::isolate {

/// File descriptors of the process, and what it was started as. argv: [1] the library, [2] bytes of memory it may take, [3] the
/// host's process.
inline constexpr int kSocket = 3, kOrders = 4, kAnswers = 5;

struct OrdersHead {
  std::atomic<std::uint32_t> letter{0};         ///< letters written so far
  std::atomic<std::uint32_t> waits_letter{0};   ///< the host sleeps until so many letters are answered
  std::atomic<std::uint64_t> records{0};        ///< epoch << 32 | records written in it
  std::atomic<std::uint64_t> waits_records{0};  ///< the host sleeps until so many records are answered, if it does
};
struct AnswersHead {
  std::atomic<std::uint32_t> letter{0};   ///< letters answered so far
  std::atomic<std::uint32_t> asleep{0};   ///< a byte is needed
  std::atomic<std::uint64_t> records{0};  ///< epoch << 32 | records answered in it
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free && std::atomic<std::uint32_t>::is_always_lock_free);

// Both mappings: a head, the letter, the records. They take memory only where something was written.
inline constexpr std::size_t kLetterAt = 64, kLetterSize = std::size_t{16} << 20;
inline constexpr std::size_t kRecordsAt = kLetterAt + kLetterSize;
inline constexpr std::size_t kOrdersSize = std::size_t{256} << 20;
inline constexpr std::size_t kAnswersSize = kRecordsAt + (std::size_t{64} << 20);
/// The process looks whether the host sleeps after so many records, and when there is no more: to look costs more than to answer.
inline constexpr std::size_t kTellEvery = 128;
/// Readable bytes behind every text.
inline constexpr std::size_t kSlack = 64;

enum class Letter : std::uint32_t { open, bind };

/// What is said of a setup, of names, of a record; each is followed by what its name needs.
enum class Say : std::uint8_t {
  end,
  // setup
  word,
  others,
  absent,
  opened,  ///< whether it translates records
  refused_to_open,
  // setup and binding
  fail,
  // binding
  map,
  carry_name,
  drop_name,
  body,
  claim,
  // a record
  set,
  touchpoint,
  carry,
  drop,
  filter,
  refuse,
  remark,
  walk,     ///< array, prefix, then what is said of elements
  element,  ///< the next one of the array
  walked,   ///< it has no more
  stopped,  ///< the adapter wants no more of it
  wants,    ///< the elements of an array are needed: field, prefix. Nothing else counts then
  breach,   ///< a text: what the adapter did
};

/// Where a text stands: in the order of the record (an offset), or here.
inline constexpr std::uint32_t kInOrder = 0x8000'0000;
/// Which value: a field, by index, of the record or of the array's element; a part of one: index, kind, offset, size; or one made
/// up: kind, text.
enum class Value : std::uint8_t { of_record, of_element, part_of_record, part_of_element, made };

/// A field as it stands in an order; `text` is an offset in the mapping. From `id` on it is laid out as cw_field is.
struct OrderedField {
  std::uint32_t text, size;
  std::uint16_t id;
  std::uint8_t kind, flags;
};
static_assert(sizeof(OrderedField) == 12);

/// Before the fields of a record; everything of it is within `size` bytes.
struct OrderedRecord {
  std::uint32_t size = 0;    ///< with this head
  std::uint32_t fields = 0;  ///< follow
  std::uint32_t arrays = 0;  ///< begin at `array`, each says where the next one is
  std::uint32_t array = 0;   ///< offset in the mapping
};
struct OrderedArray {
  std::uint32_t field = 0;  ///< index in the record
  std::uint32_t prefix = 0, prefix_size = 0;
  std::uint32_t elements = 0;
  std::uint32_t next = 0;   ///< offset of the next array; elements follow this head
  std::uint32_t whole = 0;  ///< 0: it could not be walked to its end
};
struct OrderedElement {
  std::uint32_t next = 0;    ///< offset of the next element
  std::uint32_t fields = 0;  ///< follow
};

constexpr std::size_t aligned(std::size_t size) { return (size + 7) & ~std::size_t{7}; }

/// Appends to a piece of memory; what has no room is left out, and that is remembered.
class Writer {
 public:
  Writer() = default;
  Writer(char* begin, std::size_t size) : begin_(begin), at_(begin), end_(begin + size) {}
  template <class T>
  void put(T value) {
    if (!has_room(sizeof value)) return;
    std::memcpy(at_, &value, sizeof value);
    at_ += sizeof value;
  }
  void text(std::string_view text) {
    if (text.size() >= kInOrder || !has_room(sizeof(std::uint32_t) + text.size())) {
      overflowed_ = true;
      return;
    }
    put(static_cast<std::uint32_t>(text.size()));
    if (!text.empty()) std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(at_ - begin_); }
  [[nodiscard]] bool overflowed() const { return overflowed_; }
  void cut(std::size_t size) {
    at_ = begin_ + size;
    overflowed_ = false;
  }

 private:
  bool has_room(std::size_t size) {
    if (!overflowed_ && static_cast<std::size_t>(end_ - at_) >= size) return true;
    overflowed_ = true;
    return false;
  }
  char* begin_ = nullptr;
  char* at_ = nullptr;
  char* end_ = nullptr;
  bool overflowed_ = false;
};

/// Reads what a Writer wrote, or what pretends to be that: past the end there are only zeros, and that is remembered.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}
  template <class T>
  T get() {
    T value{};
    if (static_cast<std::size_t>(end_ - at_) < sizeof value) {
      give_up();
      return value;
    }
    std::memcpy(&value, at_, sizeof value);
    at_ += sizeof value;
    return value;
  }
  /// What get() would give.
  [[nodiscard]] Say next() const { return at_ == end_ ? Say::end : static_cast<Say>(*at_); }
  std::string_view text() { return bytes(get<std::uint32_t>()); }
  std::string_view bytes(std::size_t size) {
    if (static_cast<std::size_t>(end_ - at_) < size) {
      give_up();
      return {};
    }
    const std::string_view found(at_, size);
    at_ += size;
    return found;
  }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  void give_up() {
    at_ = end_;
    failed_ = true;
  }
  const char* at_;
  const char* end_;
  bool failed_ = false;
};

}  // namespace crosswalk::isolate
