#include "answer.hpp"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "door.hpp"
#include "isolate/protocol.hpp"

namespace crosswalk {

using isolate::Reader;
using isolate::Say;

bool is_utf8(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  for (std::size_t i = 0; i < text.size();) {
    if (std::uint64_t eight = 0; text.size() - i >= sizeof eight) {
      std::memcpy(&eight, text.data() + i, sizeof eight);
      if ((eight & 0x8080'8080'8080'8080) == 0) {
        i += sizeof eight;
        continue;
      }
    }
    const unsigned lead = byte(i++);
    if (lead < 0x80) continue;
    const std::size_t more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
    if (lead < 0xC2 || lead > 0xF4 || text.size() - i < more) return false;
    // Neither longer than need be, nor a surrogate, nor beyond U+10FFFF.
    const unsigned second = byte(i);
    if (second < (lead == 0xE0 ? 0xA0U : lead == 0xF0 ? 0x90U : 0x80U)) return false;
    if (second > (lead == 0xED ? 0x9FU : lead == 0xF4 ? 0x8FU : 0xBFU)) return false;
    for (std::size_t k = 1; k < more; ++k) {
      if ((byte(i + k) & 0xC0) != 0x80) return false;
    }
    i += more;
  }
  return true;
}

namespace {

bool is_good_value(std::uint8_t kind, std::string_view text) {
  if (kind > CW_OBJECT) return false;
  return kind == CW_CELL || kind == CW_STRING ? is_utf8(text) : nlohmann::json::accept(text);
}

/// What a process answered about one record, told to the receiver.
class Answer {
 public:
  Answer(std::string_view bytes, const RecordOrder& order, const Record& record, Receiver& receiver)
      : reader_(bytes), order_(order), record_(record), receiver_(receiver), door_(receiver_door(receiver)) {}

  /// Gives the array that is needed for an answer, if that is all it says.
  std::optional<RemoteTranslator::Array> tell() {
    if (next() == Say::wants) {
      (void)reader_.get<Say>();
      const auto field = reader_.get<std::uint32_t>();
      RemoteTranslator::Array array{field, std::string(reader_.text())};
      if (!reader_.failed() && field < record_.count && is_utf8(array.prefix)) return array;
      bad_ = true;
    } else {
      tell_all(nullptr);
    }
    if (bad_ || reader_.failed()) refuse("its process answered something that cannot be understood");
    return std::nullopt;
  }

 private:
  [[nodiscard]] Say next() const {
    Reader ahead = reader_;
    return ahead.get<Say>();
  }

  /// Until the end of the answer, or of what is said of an element. False when nothing more is wanted.
  bool tell_all(const Record* element) {
    for (;;) {
      const Say say = next();
      if (reader_.failed()) return false;
      if (say == Say::end) {  // or nothing is there any more
        (void)reader_.get<Say>();
        bad_ = bad_ || element != nullptr;
        return false;
      }
      if (element != nullptr && (say == Say::element || say == Say::walked || say == Say::stopped)) return true;
      (void)reader_.get<Say>();
      if (!tell_one(say, element) || bad_) return false;
    }
  }

  bool tell_one(Say say, const Record* element) {
    switch (say) {
      case Say::set: {
        const auto target = reader_.get<std::uint32_t>(), how = reader_.get<std::uint32_t>(), rank = reader_.get<std::uint32_t>();
        const cw_field* const field = value(element);
        return field != nullptr && door_.set(door_.ctx, target, how, rank, field);
      }
      case Say::touchpoint: {
        cw_touchpoint t{};
        t.size = sizeof t;
        t.kind = reader_.get<std::uint32_t>();
        t.direction = reader_.get<std::uint32_t>();
        t.duration_how = reader_.get<std::uint32_t>();
        for (cw_text* part : {&t.id, &t.at, &t.user, &t.duration, &t.subject}) *part = text(text_there());
        return !bad_ && door_.touchpoint(door_.ctx, &t);
      }
      case Say::carry: {
        const auto form = reader_.get<std::uint32_t>();
        const std::string_view name = text_there();
        const cw_field* const field = value(element);
        return field != nullptr && !bad_ && door_.carry(door_.ctx, text(name), field, form);
      }
      case Say::drop: {
        const std::string_view rule = text_there();
        const cw_field* const field = value(element);
        return field != nullptr && !bad_ && door_.drop(door_.ctx, field, text(rule));
      }
      case Say::filter: {
        const std::string_view rule = text_there();
        return !bad_ && door_.filter(door_.ctx, text(rule));
      }
      case Say::refuse: {
        cw_refusal r{};
        r.size = sizeof r;
        for (cw_text* part : {&r.code, &r.field, &r.found, &r.message, &r.cure}) *part = text(text_there());
        return !bad_ && door_.refuse(door_.ctx, &r);
      }
      case Say::walk: return walk(element);
      case Say::breach: refuse(reader_.text()); return false;
      default: bad_ = true; return false;
    }
  }

  bool walk(const Record* element) {
    const auto field = reader_.get<std::uint32_t>();
    const std::string_view prefix = reader_.text();
    if (element != nullptr || field >= record_.count || !is_utf8(prefix)) {
      bad_ = true;
      return false;
    }
    bool wanted = true;
    receiver_.walk(record_.fields[field], prefix, [&](const Record& visited) {
      if (next() != Say::element) return false;
      (void)reader_.get<Say>();
      wanted = tell_all(&visited);
      return wanted && next() != Say::stopped;
    });
    if (!wanted) return false;
    const Say last = reader_.get<Say>();
    bad_ = bad_ || (last != Say::walked && last != Say::stopped);
    return !bad_;
  }

  std::string_view text_there() {
    const auto size = reader_.get<std::uint32_t>();
    std::string_view found;
    if ((size & isolate::kInOrder) != 0) {
      const auto offset = reader_.get<std::uint32_t>();
      const std::size_t wanted = size & ~isolate::kInOrder;
      if (offset < order_.begin || offset > order_.end || wanted > order_.end - offset) {
        bad_ = true;
        return {};
      }
      found = order_.orders.substr(offset, wanted);
    } else {
      found = reader_.bytes(size);
    }
    bad_ = bad_ || !is_utf8(found);
    return found;
  }

  /// Null where it is none.
  const cw_field* value(const Record* element) {
    const auto sort = reader_.get<isolate::Value>();
    if (sort == isolate::Value::of_record || sort == isolate::Value::of_element) {
      const Record* const in = sort == isolate::Value::of_record ? &record_ : element;
      const auto index = reader_.get<std::uint32_t>();
      if (!reader_.failed() && in != nullptr && index < in->count) return reinterpret_cast<const cw_field*>(in->fields + index);
    } else if (sort == isolate::Value::part || sort == isolate::Value::made) {
      const auto id = reader_.get<std::uint16_t>();
      const auto kind = reader_.get<std::uint8_t>();
      const std::string_view content = text_there();
      const bool made = sort == isolate::Value::made;
      value_ = {content.data(), static_cast<std::uint32_t>(content.size()), made ? std::uint16_t{0} : id, kind,
                static_cast<std::uint8_t>(made ? CW_MADE : 0)};
      const auto has = [&](const Record* record) {
        return record != nullptr && std::any_of(record->begin(), record->end(), [&](const Field& f) { return f.id == id; });
      };
      if (!bad_ && is_good_value(kind, content) && (made || has(&record_) || has(element))) return &value_;
    }
    bad_ = true;
    return nullptr;
  }

  void refuse(std::string_view why) {
    receiver_.refuse({"adapter_failed", "", "", is_utf8(why) ? why : std::string_view("it cannot be understood"),
                      "report it to the adapter's author, with this record"});
  }

  Reader reader_;
  const RecordOrder& order_;
  const Record& record_;
  Receiver& receiver_;
  const cw_receiver door_;
  cw_field value_{};
  bool bad_ = false;
};

}  // namespace

std::optional<RemoteTranslator::Array> tell_answer(std::string_view answer, const RecordOrder& order, const Record& record,
                                                   Receiver& receiver) {
  return Answer(answer, order, record, receiver).tell();
}

}  // namespace crosswalk
