-- Tells the server which other language servers each buffer has and what they answer, so that with navigation = 'auto' nothing
-- appears twice (engramd/siblings in docs/lsp-extensions.md). Neovim knows its clients, so this is exact.
local M = {}

-- Asked by method in the versions that register dynamically, by capability in all.
local methods = {
  ['textDocument/declaration'] = 'declarationProvider',
  ['textDocument/definition'] = 'definitionProvider',
  ['textDocument/typeDefinition'] = 'typeDefinitionProvider',
  ['textDocument/implementation'] = 'implementationProvider',
  ['textDocument/references'] = 'referencesProvider',
  ['textDocument/hover'] = 'hoverProvider',
  ['textDocument/signatureHelp'] = 'signatureHelpProvider',
  ['textDocument/completion'] = 'completionProvider',
  ['textDocument/documentSymbol'] = 'documentSymbolProvider',
  ['textDocument/documentHighlight'] = 'documentHighlightProvider',
  ['textDocument/documentLink'] = 'documentLinkProvider',
  ['textDocument/foldingRange'] = 'foldingRangeProvider',
  ['textDocument/selectionRange'] = 'selectionRangeProvider',
  ['textDocument/linkedEditingRange'] = 'linkedEditingRangeProvider',
  ['textDocument/semanticTokens/full'] = 'semanticTokensProvider',
  ['textDocument/inlayHint'] = 'inlayHintProvider',
  ['textDocument/codeLens'] = 'codeLensProvider',
  ['textDocument/rename'] = 'renameProvider',
  ['textDocument/prepareCallHierarchy'] = 'callHierarchyProvider',
  ['textDocument/prepareTypeHierarchy'] = 'typeHierarchyProvider',
  ['workspace/symbol'] = 'workspaceSymbolProvider',
}

local function answers(client, method, capability, bufnr)
  local provided = (client.server_capabilities or {})[capability]
  if provided ~= nil and provided ~= false and provided ~= vim.NIL then return true end
  -- Registered later. Older versions say yes to methods they do not know.
  if vim.fn.has('nvim-0.11') == 1 then return client:supports_method(method, bufnr) end
  return false
end

-- The other servers of a buffer; `leaving` is a client that is about to go.
function M.of(bufnr, leaving)
  local clients = vim.lsp.get_clients and vim.lsp.get_clients({ bufnr = bufnr }) or vim.tbl_values(vim.lsp.buf_get_clients(bufnr))
  local servers = {}
  for _, client in ipairs(clients) do
    if client.name ~= 'engramd' and client.id ~= leaving then
      local known = {}
      for method, capability in pairs(methods) do
        if answers(client, method, capability, bufnr) then table.insert(known, method) end
      end
      table.sort(known)
      -- One that answers no question about code (a formatter, a linter) is no sibling.
      if #known > 0 then table.insert(servers, { name = client.name, methods = known }) end
    end
  end
  table.sort(servers, function(a, b) return a.name < b.name end)
  return servers
end

-- What each engramd client was told last, by client and buffer.
local told = {}

function M.tell(bufnr, leaving)
  if not vim.api.nvim_buf_is_valid(bufnr) then return end
  local engramd = require('engramd')
  for _, client in ipairs(engramd.clients({ bufnr = bufnr })) do
    -- Nothing can be said before the handshake is over.
    if client.id ~= leaving and not (client.initialized == false) then
      local servers = M.of(bufnr, leaving)
      local text = vim.inspect(servers)
      told[client.id] = told[client.id] or {}
      if (told[client.id][bufnr] or '{}') ~= text then
        told[client.id][bufnr] = text
        engramd.notify(client, 'engramd/siblings', { uri = vim.uri_from_bufnr(bufnr), servers = servers })
      end
    end
  end
end

function M.start()
  local group = vim.api.nvim_create_augroup('engramd.siblings', { clear = true })
  local function on(events, callback) vim.api.nvim_create_autocmd(events, { group = group, callback = callback }) end
  if vim.fn.has('nvim-0.8') == 1 then
    on({ 'LspAttach' }, function(event)
      -- The callbacks of attaching come first: they may take capabilities away.
      vim.schedule(function() M.tell(event.buf) end)
    end)
    on({ 'LspDetach' }, function(event)
      local leaving = event.data.client_id
      -- Closing the document took back what was said about it.
      if told[leaving] then told[leaving][event.buf] = nil end
      M.tell(event.buf, leaving)
    end)
  end
  -- 0.7 has no such events, and servers register methods later in all versions.
  on({ 'BufEnter', 'CursorHold', 'InsertLeave' }, function(event) M.tell(event.buf) end)
  on({ 'BufWipeout' }, function(event)
    for _, buffers in pairs(told) do buffers[event.buf] = nil end
  end)
end

return M
