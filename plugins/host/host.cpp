// The catalog of adapter libraries, and the C door behind core's interfaces.
#define BOOST_DLL_USE_STD_FS
#include <boost/dll/shared_library.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>

#include "crosswalk/host.hpp"
#include "crosswalk/plugin.h"
#include "crosswalk/translate.hpp"

namespace crosswalk {
namespace {

namespace fs = std::filesystem;

// Records cross the door as they are: core's layout is the door's.
static_assert(sizeof(Field) == sizeof(cw_field) && offsetof(Field, text) == offsetof(cw_field, text) &&
              offsetof(Field, size) == offsetof(cw_field, size) && offsetof(Field, id) == offsetof(cw_field, id) &&
              offsetof(Field, kind) == offsetof(cw_field, kind) && offsetof(Field, flags) == offsetof(cw_field, flags));
static_assert(sizeof(Record) == sizeof(cw_record) && offsetof(Record, count) == offsetof(cw_record, count));
static_assert(static_cast<int>(Target::time_zone) == CW_TIME_ZONE && static_cast<int>(Target::external_id) == CW_EXTERNAL_ID &&
              static_cast<int>(Target::csat_score) == CW_CSAT_SCORE && static_cast<int>(Target::scope) == CW_SCOPE);
static_assert(static_cast<int>(How::utc) == CW_UTC && static_cast<int>(How::milliseconds) == CW_MILLISECONDS);
static_assert(static_cast<int>(Kind::object) == CW_OBJECT && static_cast<int>(Kind::cell) == CW_CELL && Field::kMade == CW_MADE);
static_assert(static_cast<int>(TouchKind::other) == CW_TOUCH_OTHER && static_cast<int>(Direction::internal) == CW_INTERNAL);
static_assert(static_cast<int>(Others::no) == CW_OTHERS_FALSE && static_cast<int>(Form::words) == CW_WORDS);

std::string_view view(cw_text t) { return t.data == nullptr ? std::string_view() : std::string_view(t.data, t.size); }
cw_text text(std::string_view s) { return {s.data(), s.size()}; }

Target target_of(std::uint32_t target) { return target < kTargetCount ? static_cast<Target>(target) : Target::none; }
How how_of(std::uint32_t how) { return how <= CW_UTC ? static_cast<How>(how) : How::as_configured; }
Form form_of(std::uint32_t form) { return form == CW_WORDS ? Form::words : Form::as_is; }
const Field& field_of(const cw_field* field) { return *reinterpret_cast<const Field*>(field); }

/// What a call of the adapter's set-up or binding reported.
struct Failure {
  bool failed = false;
  std::string message, cure;
  void set(cw_text m, cw_text c) {
    failed = true;
    message = std::string(view(m));
    cure = std::string(view(c));
  }
};

struct SetupContext {
  Setup& setup;
  Failure failure;
};

cw_setup setup_door(SetupContext& context) {
  cw_setup door{};
  door.size = sizeof(door);
  door.ctx = &context;
  door.setting = [](void* c, cw_text name) { return text(static_cast<SetupContext*>(c)->setup.setting(view(name))); };
  door.word = [](void* c, std::uint32_t target, cw_text from, cw_text to) {
    static_cast<SetupContext*>(c)->setup.word(target_of(target), view(from), view(to));
  };
  door.others = [](void* c, std::uint32_t target, std::uint32_t others) {
    if (others <= CW_OTHERS_FALSE) static_cast<SetupContext*>(c)->setup.others(target_of(target), static_cast<Others>(others));
  };
  door.absent = [](void* c, std::uint32_t target, cw_text value) {
    static_cast<SetupContext*>(c)->setup.absent(target_of(target), view(value));
  };
  door.fail = [](void* c, cw_text message, cw_text cure) { static_cast<SetupContext*>(c)->failure.set(message, cure); };
  return door;
}

/// Checks that the adapter stays within the fields it was asked about.
struct BinderContext {
  Binder& binder;
  std::uint16_t first;
  std::size_t count;
  Failure failure;
  [[nodiscard]] bool asked(std::uint16_t field) {
    if (field >= first && field - first < static_cast<int>(count)) return true;
    failure.failed = true;
    failure.message = fmt::format("the adapter bound field {}, which it was not asked about", field);
    failure.cure = "report it to the adapter's author";
    return false;
  }
};

cw_binder binder_door(BinderContext& context) {
  cw_binder door{};
  door.size = sizeof(door);
  door.ctx = &context;
  door.map = [](void* c, std::uint16_t field, std::uint32_t target, std::uint32_t how, std::uint32_t rank) {
    auto& b = *static_cast<BinderContext*>(c);
    if (b.asked(field) && target_of(target) != Target::none) b.binder.map(field, target_of(target), how_of(how), rank);
  };
  door.carry = [](void* c, std::uint16_t field, cw_text name, std::uint32_t form) {
    auto& b = *static_cast<BinderContext*>(c);
    if (b.asked(field)) b.binder.carry(field, view(name), form_of(form));
  };
  door.drop = [](void* c, std::uint16_t field, cw_text rule) {
    auto& b = *static_cast<BinderContext*>(c);
    if (b.asked(field)) b.binder.drop(field, view(rule));
  };
  door.body = [](void* c, std::uint16_t field, cw_text name) {
    auto& b = *static_cast<BinderContext*>(c);
    if (b.asked(field)) b.binder.body(field, view(name));
  };
  door.claim = [](void* c, std::uint16_t field) {
    auto& b = *static_cast<BinderContext*>(c);
    if (b.asked(field)) b.binder.claim(field);
  };
  door.fail = [](void* c, cw_text message, cw_text cure) { static_cast<BinderContext*>(c)->failure.set(message, cure); };
  return door;
}

Receiver& receiver_of(void* ctx) { return *static_cast<Receiver*>(ctx); }

cw_receiver receiver_door(Receiver& receiver) {
  cw_receiver door{};
  door.size = sizeof(door);
  door.ctx = &receiver;
  door.set = [](void* c, std::uint32_t target, std::uint32_t how, std::uint32_t rank, const cw_field* value) {
    return target_of(target) == Target::none || receiver_of(c).set(target_of(target), how_of(how), rank, field_of(value));
  };
  door.touchpoint = [](void* c, const cw_touchpoint* t) {
    TouchpointText touch;
    touch.kind = t->kind >= CW_TOUCH_SMS && t->kind <= CW_TOUCH_OTHER ? static_cast<TouchKind>(t->kind) : TouchKind::other;
    touch.direction = t->direction <= CW_INTERNAL ? static_cast<Direction>(t->direction) : Direction::unknown;
    touch.duration_how = how_of(t->duration_how);
    touch.id = view(t->id);
    touch.at = view(t->at);
    touch.user = view(t->user);
    touch.duration = view(t->duration);
    touch.subject = view(t->subject);
    return receiver_of(c).touchpoint(touch);
  };
  door.carry = [](void* c, cw_text name, const cw_field* value, std::uint32_t form) {
    return receiver_of(c).carry(view(name), field_of(value), form_of(form));
  };
  door.drop = [](void* c, const cw_field* value, cw_text rule) { return receiver_of(c).drop(field_of(value), view(rule)); };
  door.filter = [](void* c, cw_text rule) { return receiver_of(c).filter(view(rule)); };
  door.refuse = [](void* c, const cw_refusal* r) {
    return receiver_of(c).refuse({view(r->code), view(r->field), view(r->found), view(r->message), view(r->cure)});
  };
  door.walk = [](void* c, const cw_field* array, cw_text prefix, bool (*element)(void*, const cw_record*), void* element_ctx) {
    return receiver_of(c).walk(field_of(array), view(prefix), [&](const Record& record) {
      return element(element_ctx, reinterpret_cast<const cw_record*>(&record));
    });
  };
  return door;
}

class PluginTranslator final : public Translator {
 public:
  PluginTranslator(const cw_adapter& adapter, cw_translator* state, std::string id)
      : adapter_(adapter), state_(state), id_(std::move(id)) {}
  ~PluginTranslator() override { adapter_.close(state_); }
  PluginTranslator(const PluginTranslator&) = delete;
  PluginTranslator& operator=(const PluginTranslator&) = delete;

  Result<void> bind(std::uint16_t first, std::span<const std::string_view> names, Binder& binder) override {
    texts_.clear();
    for (const std::string_view name : names) texts_.push_back(text(name));
    BinderContext context{binder, first, names.size(), {}};
    const cw_binder door = binder_door(context);
    adapter_.bind(state_, first, texts_.data(), texts_.size(), &door);
    if (!context.failure.failed) return {};
    return Error{Errc::data, fmt::format("{}: {}", id_, context.failure.message), context.failure.cure};
  }
  [[nodiscard]] bool translates() const override { return adapter_.translate != nullptr; }
  void translate(const Record& record, Receiver& receiver) override {
    const cw_receiver door = receiver_door(receiver);
    adapter_.translate(state_, reinterpret_cast<const cw_record*>(&record), &door);
  }

 private:
  const cw_adapter& adapter_;
  cw_translator* state_;
  std::string id_;
  std::vector<cw_text> texts_;
};

class PluginAdapter final : public Adapter {
 public:
  PluginAdapter(AdapterInfo info, const cw_adapter& adapter) : info_(std::move(info)), adapter_(adapter) {}
  [[nodiscard]] const AdapterInfo& info() const override { return info_; }
  [[nodiscard]] Result<std::unique_ptr<Translator>> open(Setup& setup) const override {
    SetupContext context{setup, {}};
    const cw_setup door = setup_door(context);
    cw_translator* const state = adapter_.open(&door);
    if (state != nullptr) return std::unique_ptr<Translator>(new PluginTranslator(adapter_, state, info_.id));
    return Error{Errc::usage,
                 fmt::format("{}: {}", info_.id,
                             context.failure.failed ? context.failure.message : "it could not be opened and did not say why"),
                 context.failure.cure};
  }

 private:
  AdapterInfo info_;
  const cw_adapter& adapter_;
};

/// Empty when the loaded symbol keeps its contract.
std::string breach(const cw_adapter& adapter, const AdapterInfo& info, std::string_view manifest_path) {
  if (adapter.abi_major != CW_ABI_MAJOR) {
    return fmt::format("its symbol was built for adapter ABI {}, this program speaks {}", adapter.abi_major, CW_ABI_MAJOR);
  }
  if (adapter.size < sizeof(cw_adapter))
    return fmt::format("its symbol is {} bytes long, at least {} are needed", adapter.size, sizeof(cw_adapter));
  if (adapter.manifest == nullptr || adapter.open == nullptr || adapter.close == nullptr || adapter.bind == nullptr) {
    return "manifest, open, close and bind must all be there";
  }
  const auto of_file = read_manifest(std::string(manifest_path));
  if (!of_file || of_file->id != info.id) return "it changed while it was loaded";
  return {};
}

/// Loads a library for good: it is never unloaded, so nothing of it can outlive its code.
boost::dll::shared_library& keep(boost::dll::shared_library library) {
  static std::vector<std::unique_ptr<boost::dll::shared_library>>& kept =
      *new std::vector<std::unique_ptr<boost::dll::shared_library>>;
  kept.push_back(std::make_unique<boost::dll::shared_library>(std::move(library)));
  return *kept.back();
}

}  // namespace

PluginCatalog::PluginCatalog(HostOptions options) : options_(std::move(options)) {
  for (const std::string& folder : options_.folders) look_into(folder);
}

PluginCatalog::~PluginCatalog() = default;

/// Libraries in the folder itself and in its folders, sorted, so that the same disk gives the same catalog.
void PluginCatalog::look_into(const std::string& folder) {
  std::vector<std::string> found;
  std::error_code failed;
  const auto gather = [&](const fs::path& where) {
    for (fs::directory_iterator at(where, failed), end; !failed && at != end; at.increment(failed)) {
      if (at->path().extension() == ".so") found.push_back(at->path().string());
    }
  };
  gather(folder);
  std::vector<fs::path> inner;
  for (fs::directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed)) {
    if (at->is_directory(failed)) inner.push_back(at->path());
  }
  for (const fs::path& path : inner) gather(path);
  std::sort(found.begin(), found.end());
  for (const std::string& path : found) consider(path);
}

void PluginCatalog::consider(const std::string& path) {
  std::error_code failed;
  std::string canonical = fs::canonical(path, failed).string();
  auto checked = checked_path(path);
  if (!checked && !options_.allow_unsafe) {
    refused_.push_back({path, checked.error().message + "; " + checked.error().cure});
    return;
  }
  if (checked) canonical = *checked;
  if (canonical.empty()) {
    refused_.push_back({path, failed.message()});
    return;
  }
  for (const auto& known : infos_) {
    if (known->path == canonical) return;  // the same file by another way
  }
  auto info = read_manifest(canonical);
  if (!info) {
    refused_.push_back({path, info.error().message});
    return;
  }
  for (const auto& known : infos_) {
    if (known->id == info->id) {
      refused_.push_back({path, fmt::format("its id \"{}\" is taken by {}", info->id, known->path)});
      return;
    }
  }
  infos_.push_back(std::make_unique<AdapterInfo>(std::move(*info)));
}

std::vector<const AdapterInfo*> PluginCatalog::adapters() const {
  std::vector<const AdapterInfo*> list;
  for (const auto& info : infos_) list.push_back(info.get());
  std::sort(list.begin(), list.end(), [](const AdapterInfo* a, const AdapterInfo* b) { return a->id < b->id; });
  return list;
}

Result<std::shared_ptr<const Adapter>> PluginCatalog::load(std::string_view id) {
  const auto found = std::find_if(infos_.begin(), infos_.end(), [&](const auto& info) { return info->id == id; });
  if (found == infos_.end()) {
    std::vector<std::string> ids;
    for (const AdapterInfo* info : adapters()) ids.push_back(info->id);
    const std::string_view near = nearest(id, ids);
    std::string cure =
        near.empty() ? fmt::format("there are: {}", fmt::join(ids, ", ")) : fmt::format("did you mean \"{}\"?", near);
    if (ids.empty()) cure = fmt::format("no adapter was found in {}", fmt::join(options_.folders, ", "));
    for (const RefusedAdapter& r : refused_) {
      if (r.path.find(id) != std::string::npos) cure += fmt::format("\n  {} was refused: {}", r.path, r.reason);
    }
    return Error{Errc::usage, fmt::format("there is no adapter \"{}\"", id), cure};
  }
  const AdapterInfo& info = **found;
  std::error_code failed;
  boost::dll::shared_library library;
  library.load(fs::path(info.path), failed, boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local);
  if (failed) return Error{Errc::adapter, fmt::format("{}: the library cannot be loaded: {}", info.path, failed.message()), ""};
  if (!library.has(CW_ADAPTER_SYMBOL)) {
    return Error{Errc::adapter, fmt::format("{}: it does not export {}", info.path, CW_ADAPTER_SYMBOL),
                 "report it to the adapter's author"};
  }
  const auto& adapter = keep(std::move(library)).get<const cw_adapter>(CW_ADAPTER_SYMBOL);
  if (std::string why = breach(adapter, info, info.path); !why.empty()) {
    return Error{Errc::adapter, fmt::format("{}: {}", info.path, why), "report it to the adapter's author"};
  }
  return std::shared_ptr<const Adapter>(std::make_shared<PluginAdapter>(info, adapter));
}

}  // namespace crosswalk
