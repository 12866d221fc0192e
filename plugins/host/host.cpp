// The catalog of adapter libraries, and the C door behind core's interfaces.
#define BOOST_DLL_USE_STD_FS
#include <boost/dll/shared_library.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <new>

#include "crosswalk/folder.hpp"
#include "crosswalk/host.hpp"
#include "crosswalk/plugin.h"
#include "crosswalk/translate.hpp"
#include "door.hpp"
#include "isolate/contract.hpp"
#include "isolated.hpp"

namespace crosswalk {
namespace {

namespace fs = std::filesystem;

std::atomic<void (*)(std::string_view)> on_exit = nullptr;
std::atomic<int> translators = 0;
thread_local const std::string* at_work = nullptr;  // the id of the adapter whose code runs on this thread

/// While code of an adapter runs.
class AtWork {
 public:
  explicit AtWork(const std::string& id) { at_work = &id; }
  ~AtWork() { at_work = nullptr; }
  AtWork(const AtWork&) = delete;
  AtWork& operator=(const AtWork&) = delete;
};

void at_exit() {
  const auto report = on_exit.load();
  if (report == nullptr || (at_work == nullptr && translators == 0)) return;
  report(at_work == nullptr ? std::string_view() : *at_work);
  ::_exit(1);
}

/// What is said last is called first: before the destructors of libraries that are there already.
void expect_exits() {
  (void)std::atexit(at_exit);
  (void)std::at_quick_exit(at_exit);
}

class PluginTranslator final : public Translator {
 public:
  PluginTranslator(const cw_adapter& adapter, cw_translator* state, std::string id)
      : adapter_(adapter), state_(state), id_(std::move(id)) {
    ++translators;
  }
  ~PluginTranslator() override {
    {
      const AtWork now(id_);
      adapter_.close(state_);
    }
    --translators;
  }
  PluginTranslator(const PluginTranslator&) = delete;
  PluginTranslator& operator=(const PluginTranslator&) = delete;

  Result<void> bind(std::uint16_t first, std::span<const std::string_view> names, Binder& binder) override {
    texts_.clear();
    for (const std::string_view name : names) texts_.push_back(text(name));
    BinderContext context(binder, first, names.size());
    const cw_binder door = binder_door(context);
    {
      const AtWork now(id_);
      adapter_.bind(state_, first, texts_.data(), texts_.size(), &door);
    }
    context.rethrow();
    if (!context.failure.failed) return {};
    return Error{Errc::data, fmt::format("{}: {}", id_, context.failure.message), context.failure.cure};
  }
  [[nodiscard]] bool translates() const override { return adapter_.translate != nullptr; }
  void translate(const Record& record, Receiver& receiver) override {
    ReceiverContext context(receiver, record, true);
    const cw_receiver door = receiver_door(context);
    {
      const AtWork now(id_);
      adapter_.translate(state_, reinterpret_cast<const cw_record*>(&record), &door);
    }
    context.rethrow();
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
    SetupContext context(setup);
    const cw_setup door = setup_door(context);
    cw_translator* const state = [&] {
      const AtWork now(info_.id);
      return adapter_.open(&door);
    }();
    if (state != nullptr && !context.failure.failed && !context.thrown) {
      return std::unique_ptr<Translator>(new PluginTranslator(adapter_, state, info_.id));
    }
    if (state != nullptr) {
      const AtWork now(info_.id);
      adapter_.close(state);
    }
    context.rethrow();
    return open_failed(info_, context.failure);
  }

 private:
  AdapterInfo info_;
  const cw_adapter& adapter_;
};

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
  const auto gather = [&](const fs::path& where) {
    for (const std::string& name : names_in(where.string())) {
      if (fs::path(name).extension() == ".so") found.push_back((where / name).string());
    }
  };
  gather(folder);
  for (const std::string& name : names_in(folder)) {
    std::error_code failed;
    if (const fs::path inner = fs::path(folder) / name; fs::is_directory(inner, failed)) gather(inner);
  }
  std::sort(found.begin(), found.end());
  for (const std::string& path : found) consider(path);
}

void PluginCatalog::consider(const std::string& path) {
  std::error_code failed;
  std::string canonical = fs::canonical(path, failed).string();
  if (failed == std::errc::not_enough_memory) throw std::bad_alloc();  // says nothing of the library
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
  if (options_.isolation) return isolated_adapter(info, *options_.isolation);
  std::error_code failed;
  boost::dll::shared_library library;
  on_exit = options_.exited;
  expect_exits();
  {
    const AtWork now(info.id);
    library.load(fs::path(info.path), failed, boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local);
  }
  expect_exits();
  if (failed) return Error{Errc::adapter, fmt::format("{}: the library cannot be loaded: {}", info.path, failed.message()), ""};
  if (!library.has(CW_ADAPTER_SYMBOL)) {
    return Error{Errc::adapter, fmt::format("{}: it does not export {}", info.path, CW_ADAPTER_SYMBOL),
                 "report it to the adapter's author"};
  }
  boost::dll::shared_library& kept = keep(std::move(library));
  const cw_adapter& adapter = kept.get<const cw_adapter>(CW_ADAPTER_SYMBOL);
  std::string why = breach_of(adapter);
  if (const auto of_file = read_manifest(info.path); why.empty() && (!of_file || of_file->id != info.id)) {
    why = "it changed while it was loaded";
  }
  if (!why.empty()) return Error{Errc::adapter, fmt::format("{}: {}", info.path, why), "report it to the adapter's author"};
  return std::shared_ptr<const Adapter>(std::make_shared<PluginAdapter>(info, adapter));
}

}  // namespace crosswalk
