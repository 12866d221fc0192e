// The process of an isolated adapter: loads one library, does what the host orders, answers. Started by the host only.
#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <initializer_list>
#include <map>
#include <string>
#include <vector>

#include "contract.hpp"
#include "crosswalk/plugin.h"
#include "protocol.hpp"
#include "sandbox.hpp"

namespace crosswalk::isolate {
namespace {

/// The two mappings, and the byte that wakes.
class Line {
 public:
  bool open() {
    void* const orders = ::mmap(nullptr, kOrdersSize, PROT_READ, MAP_SHARED, kOrders, 0);
    void* const answers = ::mmap(nullptr, kAnswersSize, PROT_READ | PROT_WRITE, MAP_SHARED, kAnswers, 0);
    if (orders == MAP_FAILED || answers == MAP_FAILED) return false;
    orders_ = static_cast<const char*>(orders);
    answers_ = static_cast<char*>(answers);
    return true;
  }
  [[nodiscard]] const OrdersHead& orders() const { return *reinterpret_cast<const OrdersHead*>(orders_); }
  [[nodiscard]] AnswersHead& answers() { return *reinterpret_cast<AnswersHead*>(answers_); }
  [[nodiscard]] const char* order_at(std::size_t offset) const { return orders_ + offset; }
  [[nodiscard]] char* answer_at(std::size_t offset) { return answers_ + offset; }

  static void wake_host() {
    const char byte = 'a';
    while (::write(kSocket, &byte, 1) < 0 && errno == EINTR) {}
  }
  /// Until the host writes; ends the process when it is gone.
  static void sleep() {
    char bytes[64];
    const ssize_t got = ::read(kSocket, bytes, sizeof bytes);
    if (got == 0 || (got < 0 && errno != EINTR)) ::_exit(0);
  }

 private:
  const char* orders_ = nullptr;
  char* answers_ = nullptr;
};

template <class T>
T load(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

class Worker {
 public:
  Worker(Line& line, const cw_adapter* adapter, std::string refusal)
      : line_(line), adapter_(adapter), refusal_(std::move(refusal)) {}

  [[noreturn]] void run() {
    for (;;) {
      if (has_letter()) {
        answer_letter();
      } else if (const std::uint64_t records = records_ordered(); records != done_) {
        begin_epoch(records >> 32);
        if (records != done_) answer_record();
      } else {
        rest();
      }
    }
  }

 private:
  [[nodiscard]] bool has_letter() const { return line_.orders().letter.load(std::memory_order_seq_cst) != letters_; }
  /// None before the adapter is open.
  [[nodiscard]] std::uint64_t records_ordered() const {
    return translator_ == nullptr ? done_ : line_.orders().records.load(std::memory_order_seq_cst);
  }
  [[nodiscard]] bool has_work() const { return has_letter() || records_ordered() != done_; }

  /// A little while awake: the next order is often on its way. Then asleep.
  void rest() {
    for (int i = 0; i < kSpins; ++i) {
      if (has_work()) return;
#if defined(__x86_64__)
      __builtin_ia32_pause();
#endif
    }
    line_.answers().asleep.store(1, std::memory_order_seq_cst);
    if (!has_work()) line_.sleep();
    line_.answers().asleep.store(0, std::memory_order_relaxed);
  }

  // ---- letters ----

  void answer_letter() {
    Reader letter({line_.order_at(kLetterAt), kLetterSize});
    null_text_ = false;
    say_ = Writer(line_.answer_at(kLetterAt + sizeof(std::uint32_t)), kLetterSize - sizeof(std::uint32_t));
    switch (letter.get<Letter>()) {
      case Letter::open: open(letter); break;
      case Letter::bind: bind(letter); break;
    }
    say_.put(Say::end);
    if (say_.overflowed() || null_text_) {
      say_.cut(0);
      say_.put(Say::breach);
      say_.text(null_text_ ? kNullText : "it says more than there is room for");
      say_.put(Say::end);
    }
    const auto size = static_cast<std::uint32_t>(say_.size());
    std::memcpy(line_.answer_at(kLetterAt), &size, sizeof size);
    ++letters_;
    line_.answers().letter.store(letters_, std::memory_order_seq_cst);
    if (line_.orders().waits_letter.load(std::memory_order_seq_cst) == letters_) line_.wake_host();
  }

  void open(Reader& letter) {
    done_ = letter.get<std::uint64_t>();
    order_ = letter.get<std::uint32_t>();
    for (auto count = letter.get<std::uint32_t>(); count > 0; --count) {
      const std::string name(letter.text());
      settings_[name] = std::string(letter.text());
    }
    if (adapter_ == nullptr) {
      say_.put(Say::breach);
      say_.text(refusal_);
      return;
    }
    cw_setup door{};
    door.size = sizeof door;
    door.ctx = this;
    door.setting = [](void* c, cw_text name) {
      if (is_null_text(name)) of(c).null_text_ = true;
      const auto& settings = of(c).settings_;
      const auto found = settings.find(view(name));
      return found == settings.end() ? cw_text{} : text(found->second);
    };
    door.word = [](void* c, std::uint32_t target, cw_text from, cw_text to) {
      of(c).say_.put(Say::word);
      of(c).say_.put(target);
      of(c).put_letter_text(from);
      of(c).put_letter_text(to);
    };
    door.others = [](void* c, std::uint32_t target, std::uint32_t others) {
      of(c).say_.put(Say::others);
      of(c).say_.put(target);
      of(c).say_.put(others);
    };
    door.absent = [](void* c, std::uint32_t target, cw_text value) {
      of(c).say_.put(Say::absent);
      of(c).say_.put(target);
      of(c).put_letter_text(value);
    };
    door.fail = fail;
    translator_ = adapter_->open(&door);
    if (translator_ == nullptr) {
      say_.put(Say::refused_to_open);
    } else {
      say_.put(Say::opened);
      say_.put(static_cast<std::uint8_t>(adapter_->translate != nullptr));
    }
  }

  static void fail(void* c, cw_text message, cw_text cure) {
    of(c).say_.put(Say::fail);
    of(c).put_letter_text(message);
    of(c).put_letter_text(cure);
  }

  void bind(Reader& letter) {
    const auto first = letter.get<std::uint16_t>();
    std::vector<cw_text> names(letter.get<std::uint32_t>());
    for (cw_text& name : names) name = text(letter.text());
    cw_binder door{};
    door.size = sizeof door;
    door.ctx = this;
    door.map = [](void* c, std::uint16_t field, std::uint32_t target, std::uint32_t how, std::uint32_t rank) {
      of(c).say_.put(Say::map);
      of(c).say_.put(field);
      of(c).say_.put(target);
      of(c).say_.put(how);
      of(c).say_.put(rank);
    };
    door.carry = [](void* c, std::uint16_t field, cw_text name, std::uint32_t form) {
      of(c).say_.put(Say::carry_name);
      of(c).say_.put(field);
      of(c).say_.put(form);
      of(c).put_letter_text(name);
    };
    door.drop = [](void* c, std::uint16_t field, cw_text rule) {
      of(c).say_.put(Say::drop_name);
      of(c).say_.put(field);
      of(c).put_letter_text(rule);
    };
    door.body = [](void* c, std::uint16_t field, cw_text name) {
      of(c).say_.put(Say::body);
      of(c).say_.put(field);
      of(c).put_letter_text(name);
    };
    door.claim = [](void* c, std::uint16_t field) {
      of(c).say_.put(Say::claim);
      of(c).say_.put(field);
    };
    door.fail = fail;
    adapter_->bind(translator_, first, names.data(), names.size(), &door);
  }

  void put_letter_text(cw_text t) {
    null_text_ = null_text_ || is_null_text(t);
    say_.text(view(t));
  }

  // ---- records ----

  void begin_epoch(std::uint64_t epoch) {
    if (done_ >> 32 == epoch) return;
    done_ = epoch << 32;
    order_ = kRecordsAt;
    answer_ = kRecordsAt;
    line_.answers().records.store(done_, std::memory_order_release);
  }

  void answer_record() {
    head_ = load<OrderedRecord>(line_.order_at(order_));
    read_fields(order_ + sizeof head_, head_.fields, fields_);
    element_.clear();
    in_walk_ = over_ = false;
    if (kAnswersSize - answer_ < 2 * kLeast) ::_exit(kNoRoom);
    say_ = Writer(line_.answer_at(answer_ + sizeof(std::uint32_t)), kAnswersSize - answer_ - kLeast);
    const cw_record given = record();
    adapter_->translate(translator_, &given, &door_);
    say_.put(Say::end);
    if (say_.overflowed()) breach("it says more of its records than there is room for");
    const auto size = static_cast<std::uint32_t>(say_.size());
    std::memcpy(line_.answer_at(answer_), &size, sizeof size);
    answer_ += sizeof size + size;
    order_ += head_.size;
    ++done_;
    line_.answers().records.store(done_, std::memory_order_release);
    if (done_ % kTellEvery == 0 || done_ == line_.orders().records.load(std::memory_order_relaxed)) tell_host();
  }

  void tell_host() {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    const std::uint64_t waits = line_.orders().waits_records.load(std::memory_order_seq_cst);
    if (waits == 0 || done_ < waits || waits == woken_) return;
    woken_ = waits;
    line_.wake_host();
  }

  void read_fields(std::size_t offset, std::uint32_t count, std::vector<cw_field>& to) {
    to.resize(count);
    const char* at = line_.order_at(offset);
    for (cw_field& field : to) {
      const auto ordered = load<OrderedField>(at);
      at += sizeof ordered;
      field = {line_.order_at(ordered.text), ordered.size, ordered.id, ordered.kind, ordered.flags};
    }
  }

  /// Whatever was said of this record does not count.
  bool breach(std::string_view what) {
    say_.cut(0);
    say_.put(Say::breach);
    say_.text(what);
    say_.put(Say::end);
    over_ = true;
    return false;
  }

  /// False, and a breach, for a text that is none; likewise below.
  bool put_text(cw_text t) {
    if (is_null_text(t)) return breach(kNullText);
    const std::string_view all = view(t);
    const auto at = reinterpret_cast<std::uintptr_t>(all.data());
    const auto begin = reinterpret_cast<std::uintptr_t>(line_.order_at(order_));
    if (!all.empty() && at >= begin && at < begin + head_.size && all.size() < kInOrder) {
      say_.put(static_cast<std::uint32_t>(all.size()) | kInOrder);
      say_.put(static_cast<std::uint32_t>(order_ + (at - begin)));
    } else {
      say_.text(all);
    }
    return true;
  }
  bool put_texts(std::initializer_list<cw_text> texts) {
    return std::all_of(texts.begin(), texts.end(), [this](cw_text t) { return put_text(t); });
  }

  void put_index(Value sort, std::size_t index) {
    say_.put(sort);
    say_.put(static_cast<std::uint32_t>(index));
  }
  bool put_part(Value sort, const cw_record& record, const cw_field& part) {
    const std::size_t whole = index_of_whole(record, part);
    if (whole == kNoField) return false;
    put_index(sort, whole);
    say_.put(part.kind);
    say_.put(static_cast<std::uint32_t>(part.text - record.fields[whole].text));
    say_.put(part.size);
    return true;
  }

  bool put_value(const cw_field* value) {
    if (value == nullptr) return breach(kNull);
    const cw_field& field = *value;
    if ((field.flags & CW_MADE) != 0) {
      say_.put(Value::made);
      say_.put(field.kind);
      return put_text({field.text, field.size});
    }
    if (const std::size_t visited = index_of(element_record(), field); visited != kNoField) {
      put_index(Value::of_element, visited);
    } else if (const std::size_t own = index_of(record(), field); own != kNoField) {
      put_index(Value::of_record, own);
    } else if (!put_part(Value::part_of_element, element_record(), field) && !put_part(Value::part_of_record, record(), field)) {
      return breach("a value that the adapter gave is of no field of the record");
    }
    return true;
  }
  [[nodiscard]] cw_record record() const { return {fields_.data(), fields_.size()}; }
  [[nodiscard]] cw_record element_record() const { return {element_.data(), element_.size()}; }

  /// False when nothing more is wanted of this record; true: the words that follow `say` are expected.
  bool begin(Say say) {
    if (over_ || say_.overflowed()) return false;
    say_.put(say);
    return true;
  }

  static Worker& of(void* ctx) { return *static_cast<Worker*>(ctx); }

  cw_receiver receiver() {
    cw_receiver door{};
    door.size = sizeof door;
    door.ctx = this;
    door.set = [](void* c, std::uint32_t target, std::uint32_t how, std::uint32_t rank, const cw_field* value) {
      if (!of(c).begin(Say::set)) return false;
      of(c).say_.put(target);
      of(c).say_.put(how);
      of(c).say_.put(rank);
      return of(c).put_value(value);
    };
    door.touchpoint = [](void* c, const cw_touchpoint* t) {
      if (!of(c).begin(Say::touchpoint)) return false;
      if (t == nullptr) return of(c).breach(kNull);
      of(c).say_.put(t->kind);
      of(c).say_.put(t->direction);
      of(c).say_.put(t->duration_how);
      if (!of(c).put_texts({t->id, t->at, t->user, t->duration, t->subject})) return false;
      of(c).say_.put(t->size > offsetof(cw_touchpoint, deleted) ? t->deleted : std::uint32_t{0});
      return of(c).put_text(type_of(*t));
    };
    door.carry = [](void* c, cw_text name, const cw_field* value, std::uint32_t form) {
      if (!of(c).begin(Say::carry)) return false;
      of(c).say_.put(form);
      return of(c).put_text(name) && of(c).put_value(value);
    };
    door.drop = [](void* c, const cw_field* value, cw_text rule) {
      if (!of(c).begin(Say::drop)) return false;
      return of(c).put_text(rule) && of(c).put_value(value);
    };
    door.filter = [](void* c, cw_text rule) {
      if (of(c).begin(Say::filter)) of(c).put_text(rule);
      of(c).over_ = true;
      return false;
    };
    door.refuse = [](void* c, const cw_refusal* r) {
      if (of(c).begin(Say::refuse)) {
        if (r == nullptr) return of(c).breach(kNull);
        of(c).put_texts({r->code, r->field, r->found, r->message, r->cure});
      }
      of(c).over_ = true;
      return false;
    };
    door.remark = [](void* c, const cw_refusal* r) {
      if (!of(c).begin(Say::remark)) return false;
      if (r == nullptr) return of(c).breach(kNull);
      return of(c).put_texts({r->code, r->field, r->found, r->message, r->cure});
    };
    door.walk = [](void* c, const cw_field* array, cw_text prefix, bool (*element)(void*, const cw_record*), void* ctx) {
      return of(c).walk(array, prefix, element, ctx);
    };
    return door;
  }

  bool walk(const cw_field* array, cw_text under, bool (*element)(void*, const cw_record*), void* ctx) {
    if (over_) return false;
    if (array == nullptr) return breach(kNull);
    if (is_null_text(under)) return breach(kNullText);
    if (array->kind != CW_ARRAY) return false;
    const std::string_view prefix = view(under);
    const std::size_t field = index_of(record(), *array);
    if (field == kNoField || in_walk_) {
      return breach(in_walk_ ? "it walked an array inside of another walk"
                             : "it walked something that is no field of the record");
    }
    if (element == nullptr) return breach(kNull);
    std::size_t at = head_.array;
    for (std::uint32_t i = 0; i < head_.arrays; ++i) {
      const auto known = load<OrderedArray>(line_.order_at(at));
      if (known.field == field && prefix == std::string_view(line_.order_at(known.prefix), known.prefix_size)) {
        return visit(known, at + sizeof known, prefix, element, ctx);
      }
      at = known.next;
    }
    say_.cut(0);
    say_.put(Say::wants);
    say_.put(static_cast<std::uint32_t>(field));
    say_.text(prefix);
    over_ = true;
    return false;
  }

  bool visit(const OrderedArray& array, std::size_t at, std::string_view prefix, bool (*element)(void*, const cw_record*),
             void* ctx) {
    say_.put(Say::walk);
    say_.put(array.field);
    say_.text(prefix);
    in_walk_ = true;
    bool stopped = false;
    for (std::uint32_t i = 0; i < array.elements && !stopped; ++i) {
      const auto next = load<OrderedElement>(line_.order_at(at));
      read_fields(at + sizeof next, next.fields, element_);
      at = next.next;
      say_.put(Say::element);
      const cw_record visited = element_record();
      stopped = !element(ctx, &visited) || over_;
    }
    element_.clear();
    in_walk_ = false;
    if (!over_) say_.put(stopped ? Say::stopped : Say::walked);
    return array.whole != 0 && !stopped;
  }

  const cw_receiver door_ = receiver();
  static constexpr int kSpins = 50;
  static constexpr std::size_t kLeast = 1024;  // room for the answer that there is no room
  static constexpr int kNoRoom = 3;            // exit code

  Line& line_;
  const cw_adapter* adapter_;
  std::string refusal_;
  cw_translator* translator_ = nullptr;
  std::map<std::string, std::string, std::less<>> settings_;
  std::uint32_t letters_ = 0;
  std::uint64_t done_ = 0, woken_ = 0;
  std::size_t order_ = kRecordsAt, answer_ = kRecordsAt;  // offsets
  Writer say_;
  // The record at hand.
  OrderedRecord head_;
  std::vector<cw_field> fields_, element_;
  bool in_walk_ = false, over_ = false;
  bool null_text_ = false;  // in the letter that is answered
};

}  // namespace
}  // namespace crosswalk::isolate

int main(int argc, char** argv) {
  using namespace crosswalk::isolate;
  if (argc != 4) return 2;
  constexpr std::size_t kOwn = std::size_t{8} << 20;  // of this program and its libraries
  const auto memory = static_cast<std::size_t>(std::strtoull(argv[2], nullptr, 10)) + kOwn;
  Line line;
  if (!line.open()) return 2;
  const cw_adapter* adapter = nullptr;
  std::string refusal = confine(memory, static_cast<pid_t>(std::strtol(argv[3], nullptr, 10)), argv[1]);
  if (refusal.empty()) {
    if (void* const library = ::dlopen(argv[1], RTLD_NOW | RTLD_LOCAL); library == nullptr) {
      const char* why = ::dlerror();
      refusal = std::string("the library cannot be loaded: ") + (why == nullptr ? "" : why);
    } else if (adapter = static_cast<const cw_adapter*>(::dlsym(library, CW_ADAPTER_SYMBOL)); adapter == nullptr) {
      refusal = "it does not export " CW_ADAPTER_SYMBOL;
    } else {
      refusal = crosswalk::breach_of(*adapter);
    }
  }
  if (refusal.empty()) refusal = confine_further();
  Worker(line, refusal.empty() ? adapter : nullptr, refusal).run();
}
