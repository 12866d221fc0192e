#include "answer.hpp"

#include "door.hpp"
#include "isolate/protocol.hpp"

namespace crosswalk {

using isolate::Reader;
using isolate::Say;

namespace {

/// What a process answered about one record, told to the receiver.
class Answer {
 public:
  Answer(std::string_view bytes, const RecordOrder& order, const Record& record, Receiver& receiver)
      : reader_(bytes), order_(order), context_(receiver, record, false), door_(receiver_door(context_)) {}

  /// Gives the array that is needed for an answer, if that is all it says.
  std::optional<RemoteTranslator::Array> tell() {
    if (reader_.next() == Say::wants) {
      (void)reader_.get<Say>();
      const auto field = reader_.get<std::uint32_t>();
      RemoteTranslator::Array array{field, std::string(reader_.text())};
      const bool there = !reader_.failed() && field < context_.record.count && context_.record.fields[field].kind == Kind::array;
      if (there && is_utf8(array.prefix)) return array;
      bad_ = true;
    } else {
      tell_all(nullptr);
    }
    context_.rethrow();
    if (bad_ || reader_.failed()) refuse("its process answered something that cannot be understood");
    return std::nullopt;
  }

 private:
  /// Until the end of the answer, or of what is said of an element. False when nothing more is wanted.
  bool tell_all(const Record* element) {
    for (;;) {
      const Say say = reader_.next();
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
        const cw_field* const field = value();
        return field != nullptr && door_.set(door_.ctx, target, how, rank, field);
      }
      case Say::touchpoint: {
        cw_touchpoint t{};
        t.size = sizeof t;
        t.kind = reader_.get<std::uint32_t>();
        t.direction = reader_.get<std::uint32_t>();
        t.duration_how = reader_.get<std::uint32_t>();
        for (cw_text* part : {&t.id, &t.at, &t.user, &t.duration, &t.subject}) *part = text(text_there());
        t.deleted = reader_.get<std::uint32_t>();
        t.type = text(text_there());
        return !bad_ && door_.touchpoint(door_.ctx, &t);
      }
      case Say::carry: {
        const auto form = reader_.get<std::uint32_t>();
        const std::string_view name = text_there();
        const cw_field* const field = value();
        return field != nullptr && !bad_ && door_.carry(door_.ctx, text(name), field, form);
      }
      case Say::drop: {
        const std::string_view rule = text_there();
        const cw_field* const field = value();
        return field != nullptr && !bad_ && door_.drop(door_.ctx, field, text(rule));
      }
      case Say::filter: {
        const std::string_view rule = text_there();
        return !bad_ && door_.filter(door_.ctx, text(rule));
      }
      case Say::refuse:
      case Say::remark: {
        cw_refusal r{};
        r.size = sizeof r;
        for (cw_text* part : {&r.code, &r.field, &r.found, &r.message, &r.cure}) *part = text(text_there());
        return !bad_ && (say == Say::refuse ? door_.refuse : door_.remark)(door_.ctx, &r);
      }
      case Say::walk: return walk(element);
      case Say::breach: refuse(reader_.text()); return false;
      default: bad_ = true; return false;
    }
  }

  bool walk(const Record* element) {
    const auto field = reader_.get<std::uint32_t>();
    const std::string_view prefix = reader_.text();
    if (element != nullptr || field >= context_.record.count || !is_utf8(prefix)) {
      bad_ = true;
      return false;
    }
    bool wanted = true;
    context_.receiver.walk(context_.record.fields[field], prefix, [&](const Record& visited) {
      if (reader_.next() != Say::element) return false;
      (void)reader_.get<Say>();
      context_.element = visited;
      wanted = tell_all(&visited);
      context_.element = {};
      return wanted && reader_.next() != Say::stopped;
    });
    if (!wanted) return false;
    const Say last = reader_.get<Say>();
    bad_ = bad_ || (last != Say::walked && last != Say::stopped);
    return !bad_;
  }

  std::string_view text_there() {
    const auto size = reader_.get<std::uint32_t>();
    if ((size & isolate::kInOrder) == 0) return reader_.bytes(size);
    const auto offset = reader_.get<std::uint32_t>();
    const std::size_t wanted = size & ~isolate::kInOrder;
    if (offset >= order_.begin && offset <= order_.end && wanted <= order_.end - offset)
      return order_.orders.substr(offset, wanted);
    bad_ = true;
    return {};
  }

  /// Null where it is none.
  const cw_field* value() {
    switch (reader_.get<isolate::Value>()) {
      case isolate::Value::of_record: return field_of(context_.record);
      case isolate::Value::of_element: return field_of(context_.element);
      case isolate::Value::part_of_record: return part_of(field_of(context_.record));
      case isolate::Value::part_of_element: return part_of(field_of(context_.element));
      case isolate::Value::made: {
        const auto kind = reader_.get<std::uint8_t>();
        const std::string_view content = text_there();
        value_ = {content.data(), static_cast<std::uint32_t>(content.size()), 0, kind, CW_MADE};
        return bad_ || reader_.failed() ? none() : &value_;
      }
    }
    return none();
  }
  const cw_field* field_of(const Record& record) {
    const auto index = reader_.get<std::uint32_t>();
    if (reader_.failed() || index >= record.count) return none();
    return reinterpret_cast<const cw_field*>(record.fields + index);
  }
  const cw_field* part_of(const cw_field* whole) {
    const auto kind = reader_.get<std::uint8_t>();
    const auto offset = reader_.get<std::uint32_t>(), size = reader_.get<std::uint32_t>();
    if (whole == nullptr || reader_.failed() || offset > whole->size || size > whole->size - offset) return none();
    value_ = {whole->text + offset, size, whole->id, kind, 0};
    return &value_;
  }
  const cw_field* none() {
    bad_ = true;
    return nullptr;
  }

  void refuse(std::string_view why) {
    context_.receiver.refuse({"adapter_failed", "", "", is_utf8(why) ? why : std::string_view("it cannot be understood"),
                              "report it to the adapter's author, with this record"});
  }

  Reader reader_;
  const RecordOrder& order_;
  ReceiverContext context_;
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
