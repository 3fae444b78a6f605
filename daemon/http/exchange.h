// daemon/http/exchange.h - one HTTP request and the way to answer it, without the sockets.
//
// A handler gets both. It answers once: reply(), or begin_stream(), write() ... and end(); from
// any thread, also long after the handler has returned. An exchange that is dropped without an
// answer answers 500 by itself, and one dropped in the middle of a stream breaks the connection
// off, so that the client does not take half an answer for a whole one.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/cancel.h"

namespace engramd::daemon::http {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method, path;  // the path without its query
  Headers headers;           // names in lower case
  std::string body;
  // The value of a header, empty without one.
  std::string_view header(std::string_view name) const;
};

struct Reply {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  Headers headers;  // more of them
};

class Exchange {
 public:
  virtual ~Exchange() = default;
  virtual void reply(Reply reply) = 0;
  // `idle` is written when nothing else was for a while, so that nobody on the way gives up.
  virtual void begin_stream(std::string_view content_type, std::string_view idle = {}) = 0;
  // False when nobody reads any more: the peer is gone, or so far behind that it was given up.
  virtual bool write(std::string piece) = 0;
  virtual void end() = 0;
  // Cancelled when the peer has gone or the server stops.
  virtual CancelToken cancel() const = 0;
};

}  // namespace engramd::daemon::http
