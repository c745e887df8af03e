"""The language server as an editor sees it, through pytest-lsp: it checks every message against the protocol."""

import os

import pytest_lsp
from lsprotocol import types
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities

POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
    - name: app
      image: app:1.0.0
      securityContext:
        privileged: true
"""


@pytest_lsp.fixture(
    config=ClientServerConfig(
        server_command=[os.environ["POLICY_HOST"], "lsp", "--bundle", "pod-security-restricted"],
    ),
    params=["visual_studio_code", "neovim"],
)
async def client(request, lsp_client: LanguageClient, tmp_path):
    lsp_client.workspace_uri = tmp_path.as_uri()
    params = types.InitializeParams(
        capabilities=client_capabilities(request.param),
        workspace_folders=[types.WorkspaceFolder(uri=tmp_path.as_uri(), name="work")],
    )
    await lsp_client.initialize_session(params)
    yield
    await lsp_client.shutdown_session()


async def opened(client: LanguageClient, text: str) -> str:
    uri = f"{client.workspace_uri}/pod.yaml"
    client.text_document_did_open(
        types.DidOpenTextDocumentParams(
            text_document=types.TextDocumentItem(uri=uri, language_id="yaml", version=1, text=text)
        )
    )
    await client.wait_for_notification(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
    return uri


async def test_findings_are_diagnostics(client: LanguageClient):
    uri = await opened(client, POD)
    found = {diagnostic.code: diagnostic for diagnostic in client.diagnostics[uri]}
    privileged = found["pss-privileged"]
    assert privileged.range == types.Range(types.Position(9, 20), types.Position(9, 24))
    assert privileged.severity == types.DiagnosticSeverity.Error
    assert privileged.source == "policy-host"

    client.text_document_did_change(
        types.DidChangeTextDocumentParams(
            text_document=types.VersionedTextDocumentIdentifier(uri=uri, version=2),
            content_changes=[types.TextDocumentContentChangePartial(range=privileged.range, text="false")],
        )
    )
    await client.wait_for_notification(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
    assert "pss-privileged" not in {diagnostic.code for diagnostic in client.diagnostics[uri]}


async def test_hover_explains(client: LanguageClient):
    uri = await opened(client, POD)
    hover = await client.text_document_hover_async(
        types.HoverParams(types.TextDocumentIdentifier(uri), types.Position(9, 21))
    )
    assert hover.contents.value.startswith("## pss-privileged")


async def test_fixes_are_code_actions(client: LanguageClient):
    uri = await opened(client, POD.replace("privileged: true", "readOnlyRootFilesystem: true"))
    everything = types.Range(types.Position(0, 0), types.Position(99, 0))
    actions = await client.text_document_code_action_async(
        types.CodeActionParams(
            types.TextDocumentIdentifier(uri), everything, types.CodeActionContext(client.diagnostics[uri])
        )
    )
    titles = [action.title for action in actions]
    assert any(title.startswith("pss-privilege-escalation: ") for title in titles), titles
    assert "policy-host: fix all that is safe" in titles
    quick = next(action for action in actions if action.title.startswith("pss-privilege-escalation: "))
    assert "allowPrivilegeEscalation: false" in str(quick.edit)
