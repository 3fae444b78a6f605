" Vim with ALE: the snippet of the read-me, then the definition and, where the server reports them, problems. Writes JSON.
set nocompatible hidden noswapfile viminfo=
let g:ale_linters_explicit = 1
let g:ale_linters = {'python': ['engramd']}
execute 'set runtimepath^=' . $ENGRAMD_ALE
filetype plugin on
execute 'source ' . fnameescape($ENGRAMD_SNIPPET)
runtime plugin/ale.vim
let s:seen = {}

" Runs Vim's loop, where ALE does its work, until the expression is true.
function! s:eventually(expression, seconds) abort
  for l:turn in range(10 * a:seconds)
    if eval(a:expression) | return 1 | endif
    sleep 100m
  endfor
  return 0
endfunction

try
  execute 'edit ' . fnameescape($ENGRAMD_PROJECT . '/app.py')
  " What VimEnter does; a script does not get there.
  call EngramdDefine()
  call search('basket = op', 'e')
  let s:seen.started = s:eventually('!empty(ale#lsp#GetConnections())', 30)
  for s:try in range(30)
    ALEGoToDefinition
    if s:eventually('expand("%:t") ==# "cart.py"', 2) | break | endif
  endfor
  let s:seen.definition = expand('%:p') . ':' . line('.')
  if empty($ENGRAMD_PROBLEMS) | throw 'done' | endif
  execute 'edit ' . fnameescape($ENGRAMD_PROJECT . '/broken.py')
  ALELint
  call s:eventually('!empty(ale#engine#GetLoclist(bufnr("")))', 30)
  let s:seen.problems = map(copy(ale#engine#GetLoclist(bufnr(''))), 'v:val.lnum . ": " . v:val.text')
catch /^done$/
catch
  let s:seen.problem = v:exception . ' at ' . v:throwpoint
endtry
call writefile([json_encode(s:seen)], $ENGRAMD_RESULT)
qall!
