#include "delivery/address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <string>

#include "text.hpp"

namespace crosswalk::delivery {

std::string_view host_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  url = url.substr(0, url.find_first_of("/?#"));
  if (!url.starts_with('[')) return url.substr(0, url.find(':'));
  return url.substr(0, std::min(url.find(']'), url.size() - 1) + 1);
}

std::string_view port_of(std::string_view url) {
  const std::string_view host = host_of(url);
  const std::string_view rest = url.substr(static_cast<std::size_t>(host.data() + host.size() - url.data()));
  return rest.substr(0, rest.find_first_of("/?#"));
}

bool is_loopback(std::string_view host) {
  if (lower(host) == "localhost") return true;
  const bool six = host.size() > 2 && host.front() == '[' && host.back() == ']';
  const std::string text(six ? host.substr(1, host.size() - 2) : host);
  if (!six) {
    in_addr address{};
    return ::inet_pton(AF_INET, text.c_str(), &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
  }
  in6_addr address{};
  if (::inet_pton(AF_INET6, text.c_str(), &address) != 1) return false;
  return IN6_IS_ADDR_LOOPBACK(&address) || (IN6_IS_ADDR_V4MAPPED(&address) && address.s6_addr[12] == 127);
}

}  // namespace crosswalk::delivery
