// One request, one answer: what the engine needs of HTTP.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "crosswalk/result.hpp"

namespace crosswalk::delivery {

struct Answer {
  enum class End : std::uint8_t {
    answered,    ///< `status` is the server's word
    not_sent,    ///< nothing of the request left: name, connection
    unclear,     ///< some of it left and no answer came; the server may have taken it
    impossible,  ///< no try will do better: certificate, URL
  };
  End end = End::unclear;
  int status = 0;
  std::string retry_after, location, content_type;
  std::string body;     ///< the beginning: at most kKeptSuccess bytes of a success, else kKeptBody
  bool whole = true;    ///< the answer came to its end; `body` may be cut all the same
  std::string error;    ///< why there is no answer
  bool recode = false;  ///< the server did not take the body's coding, and the next try has another
};
inline constexpr std::size_t kKeptBody = 2048;
inline constexpr std::size_t kKeptSuccess = std::size_t{1} << 20;  ///< it may report errors, record by record

/// Used by one thread.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual Answer send(const std::string& method, const std::string& body) = 0;
};
using TransportFactory = std::function<Result<std::unique_ptr<Transport>>()>;

struct HttpTarget {
  std::string url;
  std::string user;  ///< of Basic authentication, with an empty password; empty: none
  std::vector<std::pair<std::string, std::string>> headers;
  std::string ca_file;  ///< empty: the system's
  std::chrono::milliseconds timeout{60'000};
  bool direct = false;  ///< never through a proxy
};

/// Whether an Accept-Encoding of a server says that it takes requests in gzip (RFC 9110, 12.5.3).
[[nodiscard]] bool takes_gzip(std::string_view accept_encoding);

/// HTTP by libcurl: TLS verified, connections kept, proxies as the environment says, no redirect followed, time limits on
/// everything. Bodies are in gzip from when a server said that it takes that. `stop` ends transfers; it outlives them.
[[nodiscard]] TransportFactory http_transport(HttpTarget target, const std::atomic<bool>& stop);

}  // namespace crosswalk::delivery
