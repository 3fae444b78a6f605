;; Emacs with eglot in batch: the snippets of the read-me, then hover, definition, symbols and the agent. Prints one line of JSON.
(require 'json)
(require 'cl-lib)
(setq make-backup-files nil auto-save-default nil create-lockfiles nil
      ;; No questions in batch.
      eglot-confirm-server-initiated-edits nil)
(load (getenv "ENGRAMD_SNIPPET") nil t)
(require 'eglot)

(defvar drive-seen nil)
(defun drive-note (name value) (push (cons name value) drive-seen))
(defun drive-eventually (work)
  "The first value of WORK that is not nil, asked for up to 30 seconds."
  (let ((end (+ (float-time) 30)) value)
    (while (and (not (setq value (ignore-errors (funcall work)))) (< (float-time) end)) (accept-process-output nil 0.1))
    value))

(condition-case problem
    (let ((default-directory (file-name-as-directory (getenv "ENGRAMD_PROJECT"))))
      (find-file "app.py")
      (call-interactively #'eglot)
      (drive-note "server" (plist-get (eglot--server-info (drive-eventually #'eglot-current-server)) :name))
      (goto-char (point-min))
      (search-forward "basket = op")
      (drive-note "hover" (drive-eventually
                           (lambda ()
                             (let ((answer (jsonrpc-request (eglot-current-server) :textDocument/hover (eglot--TextDocumentPositionParams))))
                               (and answer (format "%s" (plist-get answer :contents)))))))
      (drive-note "symbols" (format "%S" (drive-eventually #'eglot-imenu)))
      (drive-eventually (lambda () (xref-find-definitions (or (thing-at-point 'symbol) "")) (string-suffix-p "cart.py" buffer-file-name)))
      (drive-note "definition" (format "%s:%d" buffer-file-name (line-number-at-pos)))
      (find-file (expand-file-name "shop/discount.py" (getenv "ENGRAMD_PROJECT")))
      (drive-eventually #'eglot-current-server)
      (engramd-fix "/usr/bin/python3 -m pytest -q -p no:cacheprovider")
      ;; Applying an edit may leave another buffer current.
      (with-current-buffer (find-buffer-visiting (expand-file-name "shop/discount.py" (getenv "ENGRAMD_PROJECT")))
        (drive-note "fixed" (buffer-substring-no-properties (point-min) (point-max)))
        (drive-note "unsaved" (if (buffer-modified-p) t :json-false))))
  (error (drive-note "problem" (error-message-string problem))))
(princ (concat "\nSEEN " (json-encode drive-seen) "\n"))
(ignore-errors (eglot-shutdown (eglot-current-server)))
(kill-emacs 0)
