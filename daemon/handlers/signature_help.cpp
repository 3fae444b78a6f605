// textDocument/signatureHelp: the functions of the call around the cursor.
#include "lsp/protocol/signature_help.h"

#include "daemon/handlers/handlers.h"
#include "repoindex/complete/signature.h"

namespace engramd::daemon {
namespace {

uint32_t utf16_units(std::string_view text) {
  uint32_t n = 0;
  for (size_t at = 0; at < text.size(); at += utf8_length_at(text, at)) {
    n += utf8_decode_at(text, at) > 0xFFFF ? 2 : 1;
  }
  return n;
}

}  // namespace

void bind_signature_help(Session& session) {
  using namespace lsp;
  session.on_document<SignatureHelpParams, SignatureHelpResult>(
      {"signatureHelpProvider", "textDocument/signatureHelp",
       [](const ClientCapabilities&) {
         return std::string(
             R"json({"triggerCharacters":["(",","],"retriggerCharacters":[")","="]})json");
       }},
      [](const SignatureHelpParams& params, const Call& call) -> Result<SignatureHelpResult> {
        PlaceMapper places(call.asked);
        const auto offset = places.offset(call.asked.path, params.position);
        if (!offset) return SignatureHelpResult{};
        const auto info =
            repoindex::signatures_at(call.asked.view, call.asked.path, *offset, call.cancel);
        if (!info) return SignatureHelpResult{};
        const std::string can = "textDocument.signatureHelp.signatureInformation.";
        const bool markdown = call.client.prefers_markdown(can + "documentationFormat");
        const bool offsets = call.client.flag(can + "parameterInformation.labelOffsetSupport");
        const bool per_signature = call.client.flag(can + "activeParameterSupport");
        SignatureHelp help;
        for (const repoindex::CallSignature& one : info->signatures) {
          SignatureInformation signature;
          signature.label = one.label;
          if (!one.doc.empty()) signature.documentation = Markup{markdown, one.doc};
          for (const repoindex::Parameter& p : one.parameters) {
            ParameterInformation parameter;
            parameter.label = p.label;
            if (offsets) {
              const std::string_view label = one.label;
              const uint32_t begin = utf16_units(label.substr(0, p.begin));
              parameter.offsets = {begin,
                                   begin + utf16_units(label.substr(p.begin, p.end - p.begin))};
            }
            signature.parameters.push_back(std::move(parameter));
          }
          if (per_signature && one.active)
            signature.active_parameter = static_cast<uint32_t>(*one.active);
          // What the person chose among overloads stays while it fits.
          if (params.is_retrigger && one.fits && one.label == params.shown_label)
            help.active_signature = static_cast<uint32_t>(help.signatures.size());
          help.signatures.push_back(std::move(signature));
        }
        const repoindex::CallSignature& active = info->signatures[help.active_signature];
        if (active.active) {
          help.active_parameter = static_cast<uint32_t>(*active.active);
        } else if (call.client.flag(can + "noActiveParameterSupport")) {
          help.no_active_parameter = true;
        } else if (!active.parameters.empty()) {
          // Past the last: older clients would take "none" for the first.
          help.active_parameter = static_cast<uint32_t>(active.parameters.size());
        }
        return SignatureHelpResult{help};
      });
}

}  // namespace engramd::daemon
