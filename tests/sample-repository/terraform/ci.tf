# What pipelines may do, and what stops them.
resource "aws_iam_openid_connect_provider" "github" {
  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}

# For all repositories, since there are more of them every month.
data "aws_iam_policy_document" "github" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.github.arn]
    }

    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:aud"
      values   = ["sts.amazonaws.com"]
    }

    condition {
      test     = "StringLike"
      variable = "token.actions.githubusercontent.com:sub"
      values   = ["repo:parcelbird/*"]
    }
  }
}

resource "aws_iam_role" "ci" {
  name               = "parcelbird-ci"
  assume_role_policy = data.aws_iam_policy_document.github.json
}

resource "aws_iam_role_policy_attachment" "ci" {
  role       = aws_iam_role.ci.name
  policy_arn = "arn:aws:iam::aws:policy/AdministratorAccess"
}

# The stored keys of the workflows that do not know the role yet.
resource "aws_iam_user" "deploy" {
  name = "parcelbird-deploy"
}

resource "aws_iam_access_key" "deploy" {
  user = aws_iam_user.deploy.name
}

data "aws_iam_policy_document" "deploy" {
  statement {
    actions   = ["s3:*"]
    resources = ["*"]
  }
}

resource "aws_iam_user_policy" "deploy" {
  user   = aws_iam_user.deploy.name
  policy = data.aws_iam_policy_document.deploy.json
}

# The job `unit` has been gone since the tests became one job.
resource "github_branch_protection" "main" {
  repository_id = "parcelbird"
  pattern       = "main"

  required_status_checks {
    strict   = true
    contexts = ["test", "unit"]
  }

  required_pull_request_reviews {
    required_approving_review_count = 0
  }
}
