// Which machine a URL names.
#pragma once

#include <string_view>

namespace crosswalk::delivery {

/// The host of an http or https URL, with its brackets where it has some, without a port.
[[nodiscard]] std::string_view host_of(std::string_view url);

/// What stands behind the host, up to the path: the port with its colon, or nothing.
[[nodiscard]] std::string_view port_of(std::string_view url);

/// Whether a host is this machine and cannot be another: an address of the loopback network, written out, or `localhost`, which
/// libcurl never looks up. `127.0.0.1.example.com` is a name like any other.
[[nodiscard]] bool is_loopback(std::string_view host);

}  // namespace crosswalk::delivery
