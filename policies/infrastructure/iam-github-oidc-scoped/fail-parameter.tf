# params: {"allowed_repos": ["Acme/Shop"]}
data "aws_iam_policy_document" "deploy" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = ["arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:aud"
      values   = ["sts.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:sub"
      values = [
        "repo:acme/shop:environment:production",
        "repo:acme@1/shop@2:environment:production",
        "repo:acme/cart:environment:production", # expect[other-repository high]: the repository `acme/cart` may take the role and is not in the list
      ]
    }
  }
}
