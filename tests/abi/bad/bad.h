/* Deliberately bad adapters: one file, one breach, chosen by a macro. Each must be met with a sentence. */
#include "crosswalk/plugin.h"

#define MANIFEST(id, abi)                                              \
  CW_MANIFEST_MARK "{\"id\":\"" id "\",\"version\":\"1\",\"abi\":" abi \
                   ",\"summary\":\"bad on purpose\","                  \
                   "\"framings\":[\"csv\",\"json\"],\"records\":\"conversations\"}"

__attribute__((unused)) static cw_text text_of(const char* s) {
  cw_text t = {s, 0};
  while (s[t.size] != '\0') ++t.size;
  return t;
}
