#include "crosswalk/translate.hpp"
#include "crosswalk_version.hpp"

namespace crosswalk {
std::string_view library_version() { return CROSSWALK_VERSION; }
}  // namespace crosswalk
