#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "lsp/transport.h"

namespace engramd::lsp {
namespace {

// One direction: what one end sent and the other has not yet taken.
struct Pipe {
  std::mutex mutex;  // guards all below; two ends share it
  std::condition_variable changed;
  std::deque<std::string> messages;
  size_t n_bytes = 0;
  bool writer_closed = false;
  bool reader_closed = false;
  bool paused = false;
};

class MemoryTransport : public Transport {
 public:
  MemoryTransport(std::shared_ptr<Pipe> in, std::shared_ptr<Pipe> out)
      : in_(std::move(in)), out_(std::move(out)) {}
  ~MemoryTransport() override {
    end();
    if (!reader_.joinable()) return;
    // The last owner may be a callback on the reader itself.
    if (reader_.get_id() == std::this_thread::get_id()) {
      reader_.detach();
    } else {
      reader_.join();
    }
  }

  void start(Events events) override {
    reader_ = std::thread([in = in_, events = std::move(events)] {
      for (;;) {
        std::string message;
        {
          std::unique_lock lock(in->mutex);
          in->changed.wait(lock, [&] {
            return in->reader_closed ||
                   (!in->paused && (!in->messages.empty() || in->writer_closed));
          });
          if (in->reader_closed || in->messages.empty()) break;
          message = std::move(in->messages.front());
          in->messages.pop_front();
          in->n_bytes -= message.size();
          in->paused = true;  // until on_message has said whether more may come
        }
        const bool more = events.on_message(std::move(message));
        std::lock_guard lock(in->mutex);
        if (more) in->paused = false;
      }
      events.on_end({});
    });
  }

  void resume() override {
    std::lock_guard lock(in_->mutex);
    in_->paused = false;
    in_->changed.notify_all();
  }

  bool send(std::string message) override {
    std::lock_guard lock(out_->mutex);
    if (out_->writer_closed || out_->reader_closed) return false;
    if (out_->n_bytes + message.size() > kMaxUnsentBytes) return false;
    out_->n_bytes += message.size();
    out_->messages.push_back(std::move(message));
    out_->changed.notify_all();
    return true;
  }

  void close() override { end(); }

 private:
  void end() {
    {
      std::lock_guard lock(out_->mutex);
      out_->writer_closed = true;
      out_->changed.notify_all();
    }
    std::lock_guard lock(in_->mutex);
    in_->reader_closed = true;
    in_->changed.notify_all();
  }

  std::shared_ptr<Pipe> in_, out_;
  std::thread reader_;
};

}  // namespace

std::pair<std::shared_ptr<Transport>, std::shared_ptr<Transport>> make_memory_transport() {
  auto a = std::make_shared<Pipe>();
  auto b = std::make_shared<Pipe>();
  return {std::make_shared<MemoryTransport>(a, b), std::make_shared<MemoryTransport>(b, a)};
}

}  // namespace engramd::lsp
