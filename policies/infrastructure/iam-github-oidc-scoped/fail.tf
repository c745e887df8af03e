resource "aws_iam_openid_connect_provider" "ci" {
  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}

# Only the audience, which is the same for all of GitHub.
data "aws_iam_policy_document" "audience" {
  statement { # expect[everybody critical certain]: every workflow on GitHub may take the role, expected a condition on `…:sub`
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.ci.arn]
    }

    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:aud"
      values   = ["sts.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "subjects" {
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
      test     = "StringLike"
      variable = "token.actions.githubusercontent.com:sub"
      values = [
        "*",                                # expect[everybody]: every workflow on GitHub that matches `*` may take the role
        "repo:*",                           # expect[everybody]: every workflow on GitHub that matches `repo:*`
        "repo:*/shop:ref:refs/heads/main",  # expect[everybody]: repositories of everybody whose name matches `*`
        "repo:acme*/shop*:*",               # expect[everybody]: whose name matches `acme*`
        "repo:acme/*",                      # expect[repositories high]: every repository that matches `repo:acme/*` may take the role
        "repo:acme/shop*:ref:refs/heads/main", # expect[repositories]: every repository that matches `repo:acme/shop*:ref:refs/heads/main`
        "repo:acme/shop:*",                 # expect[any-ref medium]: every branch, tag and pull request that matches `repo:acme/shop:*`
        "repo:acme@123456/shop@456789:*",   # expect[any-ref]: `repo:acme@123456/shop@456789:*`
        "repo:acme/shop:pull_request",      # expect[pull-request medium]: every pull request that matches `repo:acme/shop:pull_request`
        "repo:acme/shop:ref:refs/heads/main",
        "repo:acme@*/shop@*:ref:refs/heads/main",
        "repo:acme/shop:environment:*",
      ]
    }
  }
}

variable "repository" {
  type = string
}

data "aws_iam_policy_document" "template" {
  statement { # expect[no-audience medium]: tokens for every audience may take the role
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.ci.arn]
    }

    condition { # expect[without-claim medium]: `ForAllValues:StringLike` also holds for tokens without the claim
      test     = "ForAllValues:StringLike"
      variable = "token.actions.githubusercontent.com:sub"
      values   = ["repo:acme/${var.repository}:*"] # expect[any-ref]: matches `repo:acme/${var.repository}:*`
    }
  }
}

resource "aws_iam_role" "json" {
  assume_role_policy = jsonencode({ # expect[repositories]: `repo:acme/*:ref:refs/heads/main`
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com" }
      Condition = {
        StringEquals = { "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com" }
        StringLike   = { "token.actions.githubusercontent.com:sub" = "repo:acme/*:ref:refs/heads/main" }
      }
    }]
  })
}

module "role" {
  source  = "terraform-aws-modules/iam/aws//modules/iam-github-oidc-role"
  version = "5.39.1"

  subjects = ["acme/shop:*", "repo:acme/*", "acme/shop:ref:refs/heads/main"] # expect[any-ref]: `acme/shop:*` # expect[repositories]: `repo:acme/*`
}

module "role_of_six" {
  source  = "terraform-aws-modules/iam/aws//modules/iam-role"
  version = "6.2.0"

  enable_github_oidc     = true
  oidc_wildcard_subjects = ["acme/shop:*"] # expect[any-ref]: `acme/shop:*`
}
