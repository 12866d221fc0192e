// Several finished files that appear together: a run's sinks, its ledger, its rejects and its summary.
//
// Each appears by a rename, which is whole or not. Between two renames a kill, or an error, could leave some files of this run
// beside some of the last. So a list of all of them is on the disk before the first rename, beside the first of them and called
// like it with `.publishing` behind, and is removed after the last. Whoever finds one goes on with it.
#pragma once

#include <string>
#include <vector>

#include "crosswalk/result.hpp"

namespace crosswalk {

/// A file that is whole and on the disk, under its temporary name.
struct PendingFile {
  std::string temporary, target;
};

class Publication {
 public:
  explicit Publication(std::vector<PendingFile> files) : files_(std::move(files)) {}
  /// The list is on the disk. Of a single file there is none.
  Result<void> begin();
  /// Whether some file stands under its name already.
  [[nodiscard]] bool begun() const;
  /// All of them do, or none does.
  void end();

  /// Completes what a killed run began; `first` is the target of its first file. False: there was nothing.
  static Result<bool> settle(const std::string& first);

 private:
  std::vector<PendingFile> files_;
};

}  // namespace crosswalk
