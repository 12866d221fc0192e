// The plugin host: finds adapter libraries, reads their manifests without running their code, loads the one that is asked
// for, and puts the C door (plugin.h) behind core's Adapter interface.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crosswalk/adapter.hpp"
#include "crosswalk/result.hpp"

namespace crosswalk {

/// Adapters in processes of their own, one for each translator: whatever an adapter does, this process goes on. A record whose
/// translation ends its process, or takes too long, is refused, and the process is started again.
struct Isolation {
  std::string program;                        ///< crosswalk-isolate; see isolating_program()
  unsigned seconds = 10;                      ///< without an answer, after which the adapter is stopped
  std::size_t memory = std::size_t{1} << 30;  ///< bytes that each process may take
  std::function<bool()> cancelled = {};       ///< may be empty; asked while an answer is waited for, by any thread
};

/// The program that runs an isolated adapter: in the build or install tree that `program` is in. It is held to the rules of
/// checked_path().
[[nodiscard]] Result<std::string> isolating_program(const std::string& program, bool allow_unsafe);

struct HostOptions {
  /// Folders to look in, in order. Of two adapters with one id the first found counts, the second is refused.
  std::vector<std::string> folders;
  /// Load libraries from folders that others may write to.
  bool allow_unsafe = false;
  /// Absent: adapters are loaded into this process.
  std::optional<Isolation> isolation = {};
  /// Called on its thread when an adapter in this process calls exit() or quick_exit(); what it returns from ends the process
  /// with exit code 1. Empty where it was not a call of ours that did: a thread that an adapter started, or the program itself
  /// while it translates. None: the process ends as the adapter said. Of _exit() nothing can be seen, but isolated.
  void (*exited)(std::string_view adapter) = nullptr;
};

/// The folders of a program at `program`: next to it, the install folder, CROSSWALK_ADAPTER_PATH (left out when the
/// process runs with raised rights), then `extra` (--adapter-dir). Never the current folder.
[[nodiscard]] std::vector<std::string> adapter_folders(const std::string& program, const std::vector<std::string>& extra);

/// An adapter library that is not used, and why: a sentence.
struct RefusedAdapter {
  std::string path;
  std::string reason;
};

class PluginCatalog final : public AdapterCatalog {
 public:
  explicit PluginCatalog(HostOptions options);
  ~PluginCatalog() override;

  [[nodiscard]] std::vector<const AdapterInfo*> adapters() const override;
  /// Loads one library and no other; it stays loaded until exit. An unknown id is an error with the nearest one.
  [[nodiscard]] Result<std::shared_ptr<const Adapter>> load(std::string_view id) override;

  [[nodiscard]] const std::vector<RefusedAdapter>& refused() const { return refused_; }
  [[nodiscard]] const std::vector<std::string>& folders() const { return options_.folders; }

 private:
  void look_into(const std::string& folder);
  void consider(const std::string& path);

  HostOptions options_;
  std::vector<std::unique_ptr<AdapterInfo>> infos_;
  std::vector<RefusedAdapter> refused_;
};

/// The manifest that stands in a library file, checked. Runs no code of it.
[[nodiscard]] Result<AdapterInfo> read_manifest(const std::string& path);

/// Whether only root and the current user can replace this file: it and every folder above it. Gives the canonical path.
[[nodiscard]] Result<std::string> checked_path(const std::string& path);

}  // namespace crosswalk
