// agent/model/reply_builder.h - a reply put together from what an endpoint sends: the chunks of a
// stream, or one object. The habits of the servers there are live here, one comment each.
//
// One of the named JSON edges. One thread; one builder for one reply.
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "agent/model/chat_model.h"

namespace engramd::agent {

class ReplyBuilder {
 public:
  explicit ReplyBuilder(const std::function<void(std::string_view)>& on_text) : on_text_(on_text) {}

  void add_event(const std::string& data);  // of a stream
  void add_whole(const std::string& body);  // a server that does not stream
  // The reply. Errors: corrupt (no reply, or one that stops in the middle), unavailable (the
  // server says in the stream that it cannot just now).
  Result<ChatReply> take();
  bool showed_text() const { return showed_text_; }

 private:
  void add_delta(const nlohmann::json& delta);
  void add_call(const nlohmann::json& item);
  void add_text(const std::string& piece);
  bool is_error(const nlohmann::json& event);
  ToolCall& call_for(const nlohmann::json& item, const std::string& id, bool has_name);

  const std::function<void(std::string_view)>& on_text_;
  ChatReply reply_;
  std::map<int64_t, size_t> places_;  // a call's number in the stream -> its place in the reply
  std::string problem_;
  bool busy_ = false;   // the problem goes away by itself
  bool ended_ = false;  // a finish reason or [DONE] was seen
  bool showed_text_ = false;
};

}  // namespace engramd::agent
