#include "isolated.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "answer.hpp"
#include "door.hpp"
#include "isolate/protocol.hpp"

namespace crosswalk {
namespace {

using isolate::AnswersHead;
using isolate::kRecordsAt;
using isolate::Letter;
using isolate::OrdersHead;
using isolate::Reader;
using isolate::Say;
using isolate::Writer;

constexpr const char* kAuthor = "report it to the adapter's author";

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_ = -1;
};

/// Memory that two processes share. Its size is sealed, so nobody can take pages away from under the other.
class SharedMemory {
 public:
  static Result<SharedMemory> make(const char* name, std::size_t size, bool written_here) {
    SharedMemory made;
    const auto failed = [&](const char* what) {
      const std::string cure =
          errno == EFBIG
              ? fmt::format("raise the limit on the size of files (ulimit -f): it counts for shared memory, {} MiB", size >> 20)
              : std::string();
      return Error{Errc::io, fmt::format("--isolate: memory cannot be shared: {}: {}", what, std::strerror(errno)), cure};
    };
    made.fd_ = FileDescriptor(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (made.fd_.get() < 0) return failed("memfd_create");
    if (::ftruncate(made.fd_.get(), static_cast<off_t>(size)) != 0) return failed("ftruncate");
    const int rights = written_here ? PROT_READ | PROT_WRITE : PROT_READ;
    void* const data = ::mmap(nullptr, size, rights, MAP_SHARED | MAP_NORESERVE, made.fd_.get(), 0);
    if (data == MAP_FAILED) return failed("mmap");
    made.data_ = static_cast<char*>(data);
    made.size_ = size;
    // The mapping made above stays writable; no other one can be.
    const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL | (written_here ? F_SEAL_FUTURE_WRITE : 0);
    if (::fcntl(made.fd_.get(), F_ADD_SEALS, seals) != 0) return failed("F_ADD_SEALS");
    return made;
  }
  SharedMemory() = default;
  SharedMemory(SharedMemory&& other) noexcept { *this = std::move(other); }
  SharedMemory& operator=(SharedMemory&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~SharedMemory() {
    if (data_ != nullptr) ::munmap(data_, size_);
  }
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] char* data() const { return data_; }

 private:
  FileDescriptor fd_;
  char* data_ = nullptr;
  std::size_t size_ = 0;
};

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) {
    const char* name = ::strsignal(WTERMSIG(status));
    return fmt::format("its process was ended by signal {} ({})", WTERMSIG(status), name == nullptr ? "unknown" : name);
  }
  return fmt::format("its process ended with exit code {}", WEXITSTATUS(status));
}

/// The child process, and the byte that wakes.
class Process {
 public:
  Process() = default;
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() { kill(); }

  Result<void> start(const Isolation& isolation, const std::string& library, int orders, int answers) {
    kill();
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return cannot(isolation, errno);
    socket_ = FileDescriptor(ends[0]);
    const FileDescriptor theirs(ends[1]);
    // First to numbers that are none of those wanted: dup2 must not overwrite what is still to be passed.
    constexpr int kNext = isolate::kAnswers + 1;
    const FileDescriptor from[] = {FileDescriptor(::fcntl(theirs.get(), F_DUPFD_CLOEXEC, kNext)),
                                   FileDescriptor(::fcntl(orders, F_DUPFD_CLOEXEC, kNext)),
                                   FileDescriptor(::fcntl(answers, F_DUPFD_CLOEXEC, kNext))};
    for (const FileDescriptor& file : from) {
      if (file.get() < 0) return cannot(isolation, errno);
    }
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
    int failed = ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    const auto add = [&](int error) { failed = failed != 0 ? failed : error; };
    add(::posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0));
    add(::posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0));
    add(::posix_spawn_file_actions_adddup2(&actions, from[0].get(), isolate::kSocket));
    add(::posix_spawn_file_actions_adddup2(&actions, from[1].get(), isolate::kOrders));
    add(::posix_spawn_file_actions_adddup2(&actions, from[2].get(), isolate::kAnswers));
    add(::posix_spawn_file_actions_addclosefrom_np(&actions, kNext));
    // Ctrl-C is for this process, which ends the other one in good order.
    sigset_t none;
    sigemptyset(&none);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
    ::posix_spawnattr_setpgroup(&attributes, 0);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    std::string program = isolation.program, path = library, memory = std::to_string(isolation.memory);
    std::string host = std::to_string(::getpid());
    char* arguments[] = {program.data(), path.data(), memory.data(), host.data(), nullptr};
    char* environment[] = {nullptr};
    if (failed == 0) failed = ::posix_spawn(&pid_, program.c_str(), &actions, &attributes, arguments, environment);
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
    if (failed == 0) return {};
    pid_ = 0;
    return cannot(isolation, failed);
  }

  [[nodiscard]] bool running() const { return pid_ > 0; }
  /// The same, for who has not talked to it for a while.
  [[nodiscard]] bool still_running() {
    if (pid_ > 0 && ::waitpid(pid_, nullptr, WNOHANG) != 0) pid_ = 0;
    return running();
  }
  void wake() const { (void)!::send(socket_.get(), "h", 1, MSG_NOSIGNAL | MSG_DONTWAIT); }

  enum class Wait : std::uint8_t { woken, late, gone, cancelled };
  /// Until the other side wakes this one, or is gone.
  [[nodiscard]] Wait sleep(std::chrono::steady_clock::time_point until, const std::function<bool()>& cancelled) const {
    for (;;) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
      if (left <= 0) return Wait::late;
      pollfd socket{socket_.get(), POLLIN, 0};
      const int ready = ::poll(&socket, 1, static_cast<int>(std::min<long long>(left, kLook)));
      if (ready < 0 && errno != EINTR) return Wait::gone;
      if (ready == 0 && cancelled && cancelled()) return Wait::cancelled;  // not at once: mostly the answer is on its way
      if (ready <= 0) continue;
      char bytes[64];
      const ssize_t got = ::recv(socket_.get(), bytes, sizeof bytes, MSG_DONTWAIT);
      if (got > 0) return Wait::woken;
      if (got == 0 || (errno != EINTR && errno != EAGAIN)) return Wait::gone;
    }
  }

  /// Why it is gone. One that has only gone silent is ended.
  std::string end() {
    if (pid_ <= 0) return "its process is gone";
    int status = 0;
    for (int i = 0; i < 100; ++i) {
      const pid_t ended = ::waitpid(pid_, &status, WNOHANG);
      if (ended == pid_) {
        pid_ = 0;
        return how_it_ended(status);
      }
      if (ended < 0 && errno == ECHILD) pid_ = 0;  // somebody else took note of its end
      if (ended < 0 && errno != EINTR) break;
      ::usleep(10'000);
    }
    kill();
    return "its process broke off the talk";
  }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {}
    pid_ = 0;
  }

 private:
  static Error cannot(const Isolation& isolation, int error) {
    return {Errc::adapter, fmt::format("--isolate: {} cannot be started: {}", isolation.program, std::strerror(error)), ""};
  }
  static constexpr long long kLook = 200;  // ms between two looks whether the run was cancelled
  FileDescriptor socket_;
  pid_t pid_ = 0;
};

/// What all translators of an adapter know.
struct Shared {
  AdapterInfo info;
  Isolation isolation;
};

/// Takes nothing down: a process that is started again says what the first one said.
class NoSetup final : public Setup {
 public:
  [[nodiscard]] std::string_view setting(std::string_view) const override { return {}; }
  void each_setting(const std::function<void(std::string_view, std::string_view)>&) const override {}
  void word(Target, std::string_view, std::string_view) override {}
  void others(Target, Others) override {}
  void absent(Target, std::string_view) override {}
};
class NoBinder final : public Binder {
 public:
  void map(std::uint16_t, Target, How, std::uint32_t) override {}
  void carry(std::uint16_t, std::string_view, Form) override {}
  void drop(std::uint16_t, std::string_view) override {}
  void body(std::uint16_t, std::string_view) override {}
  void claim(std::uint16_t) override {}
};

class IsolatedTranslator final : public Translator, public RemoteTranslator {
 public:
  explicit IsolatedTranslator(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

  Result<void> open(Setup& setup) {
    auto orders = SharedMemory::make("crosswalk-orders", isolate::kOrdersSize, true);
    if (!orders) return orders.error();
    orders_ = std::move(*orders);
    new (orders_.data()) OrdersHead;
    setup.each_setting([this](std::string_view name, std::string_view value) { settings_.emplace_back(name, value); });
    return start(setup);
  }

  // Translator

  Result<void> bind(std::uint16_t first, std::span<const std::string_view> names, Binder& binder) override {
    const bool lasting = first < NameTable::kStable;  // the others are for one record only
    if (lasting) names_.resize(first);
    if (answered_ < sent_) wait_for(sent_ - 1);  // what befalls the process before is not the names'
    if (is_given_up()) return {};                // every record will be refused
    if (!process_.still_running()) {
      if (auto started = start_again(); !started) return started;
    }
    if (lasting) names_.insert(names_.end(), names.begin(), names.end());
    return bind_there(first, names, binder);
  }
  [[nodiscard]] bool translates() const override { return translates_; }
  void translate(const Record&, Receiver& receiver) override {
    receiver.refuse({"adapter_failed", "", "", "an adapter in a process of its own is asked by remote()", ""});
  }
  RemoteTranslator* remote() override { return this; }

  // RemoteTranslator

  [[nodiscard]] std::string_view texts() const override { return {orders_.data(), isolate::kOrdersSize}; }

  std::optional<Record> add(const Record& record) override {
    finish_record();
    if (at_ - sent_to_ >= kTogether) publish();
    if (!has_room(sizeof(isolate::OrderedRecord), record)) return std::nullopt;
    Order& order = orders_made_.emplace_back();
    order.begin = static_cast<std::uint32_t>(at_);
    order.record = {new_fields(record.count), record.count};
    head_ = {};
    head_.fields = static_cast<std::uint32_t>(record.count);
    at_ += sizeof head_;
    put_fields(record, const_cast<Field*>(order.record.fields));
    open_ = true;
    return order.record;
  }

  void begin_array(std::size_t field, std::string_view prefix) override {
    array_at_ = 0;
    if (room() < prefix.size() + sizeof array_) {
      orders_made_.back().too_large = true;
      return;
    }
    array_ = {};
    array_.field = static_cast<std::uint32_t>(field);
    array_.prefix = static_cast<std::uint32_t>(at_);
    array_.prefix_size = static_cast<std::uint32_t>(prefix.size());
    if (!prefix.empty()) put(at_, prefix.data(), prefix.size());
    at_ += prefix.size();
    array_at_ = at_;
    at_ += sizeof array_;
    const auto here = static_cast<std::uint32_t>(array_at_);
    if (head_.arrays++ == 0) {
      head_.array = here;
    } else {
      put(last_array_ + offsetof(isolate::OrderedArray, next), &here, sizeof here);
    }
    last_array_ = array_at_;
  }
  void add_element(const Record& element) override {
    Order& order = orders_made_.back();
    order.too_large = order.too_large || !has_room(sizeof(isolate::OrderedElement), element);
    if (order.too_large) return;
    isolate::OrderedElement head;
    head.fields = static_cast<std::uint32_t>(element.count);
    const std::size_t here = at_;
    at_ += sizeof head;
    put_fields(element, nullptr);
    head.next = static_cast<std::uint32_t>(at_);
    put(here, &head, sizeof head);
    ++array_.elements;
  }
  void end_array(bool whole) override {
    if (array_at_ == 0) return;
    array_.whole = whole ? 1 : 0;
    put(array_at_, &array_, sizeof array_);
  }

  std::optional<Array> receive(std::size_t number, Receiver& receiver) override {
    if (number >= answered_) {
      publish();
      wait_for(number);
    }
    const Order& order = orders_made_[number];
    if (order.too_large) {
      receiver.refuse({"record_too_large", "", "", "the record is larger than an adapter in a process of its own can be handed",
                       "run without --isolate"});
      return std::nullopt;
    }
    const std::string_view said(said_.data() + order.said, order.said_size);
    const std::size_t end = number + 1 < orders_made_.size() ? orders_made_[number + 1].begin : at_;
    return tell_answer(said, {texts(), order.begin, end}, order.record, receiver);
  }

  void forget() override {
    if (answered_ < sent_) wait_for(sent_ - 1);  // what is being read must not be written over
    orders_made_.clear();
    said_.clear();
    if (said_.capacity() > kSaidKept) said_.shrink_to_fit();
    sent_ = answered_ = 0;
    at_ = sent_to_ = answer_at_ = kRecordsAt;
    open_ = false;
    crashes_ = 0;
    ++epoch_;
    page_ = used_of_page_ = 0;
    if (pages_.size() > kPagesKept) pages_.resize(kPagesKept);
  }

 private:
  static constexpr std::size_t kMostly = 32;                        // bytes
  static constexpr std::size_t kTogether = std::size_t{400} << 10;  // bytes of orders for which the process is woken
  static constexpr unsigned kMostLate = 3;                          // then the adapter is not asked again
  static constexpr unsigned kMostCrashes = 32;                      // between two forget(): then the rest is refused
  static constexpr std::size_t kPage = 16'384, kPagesKept = 4;
  static constexpr std::size_t kSaidKept = std::size_t{4} << 20;
  static constexpr int kSpins = 200;
  struct Order {
    std::uint32_t begin = 0;
    bool too_large = false;
    std::size_t said = 0, said_size = 0;  // in said_
    Record record;
  };
  struct Page {
    std::unique_ptr<Field[]> fields;
    std::size_t size = 0;
  };

  [[nodiscard]] OrdersHead& orders() const { return *reinterpret_cast<OrdersHead*>(orders_.data()); }
  [[nodiscard]] const AnswersHead& answers() const { return *reinterpret_cast<const AnswersHead*>(answers_.data()); }
  [[nodiscard]] bool is_given_up() const { return late_ >= kMostLate; }
  [[nodiscard]] std::uint64_t in_epoch(std::size_t records) const { return epoch_ << 32 | records; }
  [[nodiscard]] std::chrono::steady_clock::time_point deadline() const {
    return std::chrono::steady_clock::now() + std::chrono::seconds(shared_->isolation.seconds);
  }

  // ---- orders ----

  [[nodiscard]] std::size_t room() const { return isolate::kOrdersSize - isolate::kSlack - at_; }
  /// Nearly always there is more than any record needs.
  [[nodiscard]] bool has_room(std::size_t head, const Record& record) const {
    std::size_t size = head + record.count * sizeof(isolate::OrderedField);
    for (const Field& field : record) size += field.size;
    return size <= room();
  }
  void put(std::size_t at, const void* from, std::size_t size) { std::memcpy(orders_.data() + at, from, size); }

  /// The fields at at_, their text behind them; copies of the fields, of that text, where wanted.
  void put_fields(const Record& record, Field* copies) {
    char* const orders = orders_.data();
    char* field_at = orders + at_;
    std::size_t at = at_ + record.count * sizeof(isolate::OrderedField);
    for (const Field *field = record.begin(), *end = record.end(); field != end; ++field) {
      // By words: what is written by parts and read whole at once makes the processor wait for its stores.
      const std::size_t size = field->size;
      const std::uint64_t where = at | std::uint64_t{size} << 32;
      std::memcpy(field_at, &where, sizeof where);
      std::memcpy(field_at + sizeof where, &field->id, sizeof(isolate::OrderedField) - sizeof where);
      field_at += sizeof(isolate::OrderedField);
      char* const to = orders + at;
      if (size != 0) std::memcpy(to, field->text, kMostly);  // nearly all texts, without asking how long: all of them have slack
      if (size > kMostly) std::memcpy(to + kMostly, field->text + kMostly, size - kMostly);
      if (copies != nullptr) {
        copies->text = to;
        std::memcpy(&copies->size, &field->size, sizeof *field - offsetof(Field, size));
        ++copies;
      }
      at += size;
    }
    at_ = at;
  }

  Field* new_fields(std::size_t count) {
    while (page_ < pages_.size() && pages_[page_].size - used_of_page_ < count) {
      ++page_;
      used_of_page_ = 0;
    }
    if (page_ == pages_.size()) {
      const std::size_t size = std::max(count, kPage);
      pages_.push_back({std::make_unique_for_overwrite<Field[]>(size), size});
      used_of_page_ = 0;
    }
    Field* const found = pages_[page_].fields.get() + used_of_page_;
    used_of_page_ += count;
    return found;
  }

  void finish_record() {
    if (!open_) return;
    head_.size = static_cast<std::uint32_t>(at_ - orders_made_.back().begin);
    put(orders_made_.back().begin, &head_, sizeof head_);
    open_ = false;
  }

  void publish() {
    finish_record();
    sent_ = orders_made_.size();
    sent_to_ = at_;
    if (!process_.running()) return;
    orders().records.store(in_epoch(sent_), std::memory_order_seq_cst);
    if (answers().asleep.load(std::memory_order_seq_cst) != 0) process_.wake();
  }

  // ---- the process ----

  Result<void> start(Setup& setup) {
    auto answers = SharedMemory::make("crosswalk-answers", isolate::kAnswersSize, false);
    if (!answers) return answers.error();
    answers_ = std::move(*answers);
    answer_at_ = kRecordsAt;
    letters_ = 0;
    orders().letter.store(0);
    orders().waits_records.store(0);
    orders().records.store(in_epoch(answered_));  // nothing to do before the letters are answered
    if (auto started = process_.start(shared_->isolation, shared_->info.path, orders_.fd(), answers_.fd()); !started) {
      return started;
    }
    Writer letter = begin_letter(Letter::open);
    letter.put(in_epoch(answered_));
    letter.put(static_cast<std::uint32_t>(answered_ < orders_made_.size() ? orders_made_[answered_].begin : at_));
    letter.put(static_cast<std::uint32_t>(settings_.size()));
    for (const auto& [name, value] : settings_) {
      letter.text(name);
      letter.text(value);
    }
    auto said = ask(letter, "when it was opened");
    if (!said) return said.error();
    SetupContext context(setup);
    const cw_setup door = setup_door(context);
    for (Reader reader(*said);;) {
      switch (reader.get<Say>()) {
        case Say::word: {
          const auto target = reader.get<std::uint32_t>();
          const std::string_view from = reader.text(), to = reader.text();
          if (!reader.failed()) door.word(door.ctx, target, text(from), text(to));
          break;
        }
        case Say::others: {
          const auto target = reader.get<std::uint32_t>(), others = reader.get<std::uint32_t>();
          if (!reader.failed()) door.others(door.ctx, target, others);
          break;
        }
        case Say::absent: {
          const auto target = reader.get<std::uint32_t>();
          const std::string_view value = reader.text();
          if (!reader.failed()) door.absent(door.ctx, target, text(value));
          break;
        }
        case Say::fail: {
          const std::string_view message = reader.text(), cure = reader.text();
          door.fail(door.ctx, text(message), text(cure));
          break;
        }
        case Say::opened:
          translates_ = reader.get<std::uint8_t>() != 0;
          context.rethrow();
          if (!context.failure.failed) return {};
          [[fallthrough]];
        case Say::refused_to_open:
          process_.kill();
          context.rethrow();
          return open_failed(shared_->info, context.failure);
        case Say::breach: {
          process_.kill();
          return contract_broken(reader.text());
        }
        default: process_.kill(); return not_understood();
      }
      if (reader.failed()) {
        process_.kill();
        return not_understood();
      }
    }
  }

  Result<void> start_again() {
    NoSetup no_setup;
    if (auto started = start(no_setup); !started) return started;
    std::vector<std::string_view> names(names_.begin(), names_.end());
    NoBinder no_binder;
    return names.empty() ? Result<void>() : bind_there(0, names, no_binder);
  }

  Result<void> bind_there(std::uint16_t first, std::span<const std::string_view> names, Binder& binder) {
    Writer letter = begin_letter(Letter::bind);
    letter.put(first);
    letter.put(static_cast<std::uint32_t>(names.size()));
    for (const std::string_view name : names) letter.text(name);
    auto said = ask(letter, "when names were bound");
    if (!said) return said.error();
    BinderContext context(binder, first, names.size());
    const cw_binder door = binder_door(context);
    Reader reader(*said);
    for (Say say = reader.get<Say>(); say != Say::end; say = reader.get<Say>()) {
      if (say == Say::breach) return contract_broken(reader.text());
      const auto field = say == Say::fail ? std::uint16_t{0} : reader.get<std::uint16_t>();
      switch (say) {
        case Say::map: {
          const auto target = reader.get<std::uint32_t>(), how = reader.get<std::uint32_t>(), rank = reader.get<std::uint32_t>();
          if (!reader.failed()) door.map(door.ctx, field, target, how, rank);
          break;
        }
        case Say::carry_name: {
          const auto form = reader.get<std::uint32_t>();
          const std::string_view name = reader.text();
          if (!reader.failed()) door.carry(door.ctx, field, text(name), form);
          break;
        }
        case Say::drop_name:
        case Say::body: {
          const std::string_view words = reader.text();
          if (!reader.failed()) (say == Say::body ? door.body : door.drop)(door.ctx, field, text(words));
          break;
        }
        case Say::claim:
          if (!reader.failed()) door.claim(door.ctx, field);
          break;
        case Say::fail: {
          const std::string_view message = reader.text(), cure = reader.text();
          door.fail(door.ctx, text(message), text(cure));
          break;
        }
        default: return not_understood();
      }
      if (reader.failed()) return not_understood();
    }
    context.rethrow();
    if (!context.failure.failed) return {};
    return Error{Errc::data, fmt::format("{}: {}", shared_->info.id, context.failure.message), context.failure.cure};
  }

  [[nodiscard]] Error contract_broken(std::string_view how) const {
    return {Errc::adapter, fmt::format("{}: {}", shared_->info.path, how), kAuthor};
  }
  [[nodiscard]] Error not_understood() const {
    return {Errc::adapter, fmt::format("{}: its process answered something that cannot be understood", shared_->info.id),
            kAuthor};
  }

  Writer begin_letter(Letter letter) {
    Writer writer(orders_.data() + isolate::kLetterAt, isolate::kLetterSize);
    writer.put(letter);
    return writer;
  }

  /// Sends the letter that was written; gives a copy of the answer.
  Result<std::string> ask(const Writer& letter, std::string_view when) {
    const auto failed = [&](const std::string& why) {
      return Error{Errc::adapter, fmt::format("{}: {} {}", shared_->info.id, why, when), kAuthor};
    };
    if (letter.overflowed()) return failed("more than it can be told in one letter");
    ++letters_;
    orders().waits_letter.store(letters_, std::memory_order_relaxed);
    orders().letter.store(letters_, std::memory_order_seq_cst);
    if (answers().asleep.load(std::memory_order_seq_cst) != 0) process_.wake();
    const auto until = deadline();
    while (answers().letter.load(std::memory_order_seq_cst) != letters_) {
      switch (process_.sleep(until, shared_->isolation.cancelled)) {
        case Process::Wait::woken: break;
        case Process::Wait::cancelled: process_.kill(); return failed("interrupted");
        case Process::Wait::late:
          process_.kill();
          ++late_;
          return failed(too_late());
        case Process::Wait::gone: return failed(process_.end());
      }
    }
    std::uint32_t size = 0;
    std::memcpy(&size, answers_.data() + isolate::kLetterAt, sizeof size);
    if (size > isolate::kLetterSize - sizeof size) {
      process_.kill();
      return not_understood();
    }
    return std::string(answers_.data() + isolate::kLetterAt + sizeof size, size);
  }

  [[nodiscard]] std::string too_late() const {
    return fmt::format("it gave no answer for {} s and was stopped", shared_->isolation.seconds);
  }

  // ---- answers ----

  /// Copies what was answered since. False when that cannot be.
  bool take_answers() {
    const std::uint64_t done = answers().records.load(std::memory_order_acquire);
    if (done >> 32 != epoch_) return true;
    const std::size_t count = done & UINT32_MAX;
    if (count > sent_) return false;
    while (answered_ < count) {
      std::uint32_t size = 0;
      if (isolate::kAnswersSize - answer_at_ < sizeof size) return false;
      std::memcpy(&size, answers_.data() + answer_at_, sizeof size);
      if (isolate::kAnswersSize - answer_at_ - sizeof size < size || said_.size() + size > isolate::kAnswersSize) return false;
      add_answer({answers_.data() + answer_at_ + sizeof size, size});
      answer_at_ += sizeof size + size;
    }
    return true;
  }
  void add_answer(std::string_view said) {
    Order& order = orders_made_[answered_++];
    order.said = said_.size();
    order.said_size = said.size();
    said_ += said;
  }
  /// Instead of an answer.
  void add_breach(std::string_view why) {
    char bytes[1024];
    Writer writer(bytes, sizeof bytes);
    writer.put(Say::breach);
    writer.text(why.substr(0, 512));
    writer.put(Say::end);
    add_answer({bytes, writer.size()});
  }

  /// Until the record is answered, or cannot be.
  void wait_for(std::size_t number) {
    auto until = deadline();
    while (answered_ <= number) {
      if (!process_.running()) {
        if (!go_on()) return;
        until = deadline();
      }
      if (!take_answers()) {
        lose(false, "its process answered something that cannot be understood");
        continue;
      }
      if (answered_ > number) return;
      const std::size_t before = answered_;
      const std::uint64_t wanted = in_epoch(std::min(sent_, (number / isolate::kTellEvery + 1) * isolate::kTellEvery));
      if (spin(wanted)) continue;
      orders().waits_records.store(wanted, std::memory_order_seq_cst);
      if (answers().records.load(std::memory_order_seq_cst) >= wanted) continue;
      switch (process_.sleep(until, shared_->isolation.cancelled)) {
        case Process::Wait::woken: break;
        case Process::Wait::cancelled:
          process_.kill();
          while (answered_ < sent_) add_breach("interrupted");
          return;
        case Process::Wait::late:
          if (take_answers() && answered_ != before) {  // slow, but at work
            until = deadline();
          } else {
            lose(true, too_late());
          }
          break;
        case Process::Wait::gone:
          (void)take_answers();  // what it had said before
          lose(false, process_.end());
          break;
      }
    }
  }
  [[nodiscard]] bool spin(std::uint64_t wanted) const {
    for (int i = 0; i < kSpins; ++i) {
      if (answers().records.load(std::memory_order_acquire) >= wanted) return true;
#if defined(__x86_64__)
      __builtin_ia32_pause();
#endif
    }
    return false;
  }

  /// The record at hand took the process with it.
  void lose(bool late, const std::string& why) {
    process_.kill();
    late_ += late;
    ++crashes_;
    if (answered_ < sent_) add_breach(fmt::format("the adapter failed on this record: {}", why));
    last_end_ = why;
  }

  /// Starts the process again for the records that are left; where that is over, they get that for an answer.
  bool go_on() {
    std::string why;
    if (is_given_up()) {
      why = fmt::format("the adapter gave no answer {} times and is not asked again", kMostLate);
    } else if (crashes_ >= kMostCrashes) {
      why = fmt::format("the adapter failed {} times on records near this one, the last time since {}", kMostCrashes, last_end_);
    } else if (auto started = start_again(); started.ok()) {
      orders().records.store(in_epoch(sent_), std::memory_order_seq_cst);
      process_.wake();
      return true;
    } else {
      why = fmt::format("the adapter could not be started again: {}", started.error().message);
    }
    while (answered_ < sent_) add_breach(why);
    return false;
  }

  std::shared_ptr<Shared> shared_;
  std::vector<std::pair<std::string, std::string>> settings_;
  std::vector<std::string> names_;  // by id
  bool translates_ = false;
  SharedMemory orders_, answers_;
  Process process_;
  std::uint32_t letters_ = 0;
  std::uint64_t epoch_ = 1;
  // Orders: records that were added, how many of them the process may see, and the one being written.
  std::vector<Order> orders_made_;
  std::vector<Page> pages_;
  std::size_t page_ = 0, used_of_page_ = 0;
  std::size_t sent_ = 0, at_ = kRecordsAt, sent_to_ = kRecordsAt;
  isolate::OrderedRecord head_;
  isolate::OrderedArray array_;
  std::size_t array_at_ = 0, last_array_ = 0;
  bool open_ = false;
  // Answers.
  std::string said_;
  std::size_t answered_ = 0, answer_at_ = kRecordsAt;
  unsigned crashes_ = 0, late_ = 0;
  std::string last_end_;
};

class IsolatedAdapter final : public Adapter {
 public:
  explicit IsolatedAdapter(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  [[nodiscard]] const AdapterInfo& info() const override { return shared_->info; }
  [[nodiscard]] bool is_remote() const override { return true; }
  [[nodiscard]] Result<std::unique_ptr<Translator>> open(Setup& setup) const override {
    const auto of_file = read_manifest(shared_->info.path);
    if (!of_file || of_file->id != shared_->info.id) {
      return Error{Errc::adapter, fmt::format("{}: it changed since it was found", shared_->info.path), ""};
    }
    auto translator = std::make_unique<IsolatedTranslator>(shared_);
    if (auto opened = translator->open(setup); !opened) return opened.error();
    return std::unique_ptr<Translator>(std::move(translator));
  }

 private:
  std::shared_ptr<Shared> shared_;
};

}  // namespace

std::shared_ptr<const Adapter> isolated_adapter(AdapterInfo info, Isolation isolation) {
  auto shared = std::make_shared<Shared>();
  shared->info = std::move(info);
  shared->isolation = std::move(isolation);
  return std::make_shared<IsolatedAdapter>(std::move(shared));
}

}  // namespace crosswalk
