#include <ctime>

#include "daemon/http/call.h"

namespace engramd::daemon::http {

std::shared_ptr<ServedModel> make_served_model(std::shared_ptr<const engine::Model> model,
                                               std::string id,
                                               const engine::chat::Dialect* dialect) {
  auto served = std::make_shared<ServedModel>();
  const engine::Tokenizer& tokenizer = model->tokenizer();
  served->id = std::move(id);
  served->created = std::time(nullptr);
  served->dialect =
      dialect != nullptr ? dialect : engine::chat::recognise_dialect(tokenizer).dialect;
  served->trie = engine::grammar::make_token_trie(tokenizer);
  served->constraints = std::make_shared<engine::chat::ConstraintCache>();
  served->model = std::move(model);
  return served;
}

}  // namespace engramd::daemon::http
