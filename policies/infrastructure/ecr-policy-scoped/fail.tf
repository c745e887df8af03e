resource "aws_ecr_repository_policy" "open" {
  repository = "api"
  policy = jsonencode({ # expect[anyone high certain]: every AWS account may use this, expected named accounts or a condition
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AllowPull"
      Effect    = "Allow"
      Principal = "*"
      Action    = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    }]
  })
}

data "aws_iam_policy_document" "web" {
  statement { # expect[anyone]: every AWS account may use this
    actions = ["ecr:*"]
    principals {
      type        = "AWS"
      identifiers = ["*"]
    }
  }
}

resource "aws_ecr_repository_policy" "web" {
  repository = "web"
  policy     = data.aws_iam_policy_document.web.json
}

# Reported to checkov as flagged for nothing, but AWS warns of it: without the key the condition holds.
data "aws_iam_policy_document" "worker" {
  statement { # expect[anyone]: the condition `ForAllValues:StringEquals` also holds for callers without the key
    actions = ["ecr:BatchGetImage"]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "ForAllValues:StringEquals"
      variable = "aws:PrincipalOrgID"
      values   = ["o-12345678"]
    }
  }
  statement {
    actions = ["ecr:PutImage", "ecr:*LayerUpload"]
    principals {
      type = "AWS"
      identifiers = [
        "arn:aws:iam::111122223333:root", # expect[push high likely]: the account 111122223333 may do `ecr:PutImage` here, expected only to pull
        "444455556666",                   # expect[push]: the account 444455556666
        "arn:aws:iam::777788889999:role/ci",
      ]
    }
  }
}

resource "aws_ecr_repository_policy" "worker" {
  repository = "worker"
  policy     = data.aws_iam_policy_document.worker.json
}

resource "aws_ecr_registry_policy" "this" {
  policy = jsonencode({ # expect[push]: the account 111122223333 may do `ecr:*` here
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::111122223333:root" }
      Action    = "ecr:*"
    }]
  })
}

module "frontend" {
  source                            = "terraform-aws-modules/ecr/aws"
  repository_name                   = "frontend"
  repository_read_access_arns       = ["*"]                              # expect[anyone]: every AWS account may use `module.frontend`
  repository_read_write_access_arns = ["arn:aws:iam::111122223333:root"] # expect[push]: the account 111122223333 may do all that pushes need here
}
